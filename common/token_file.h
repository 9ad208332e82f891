/* A token in a file: of a user of the command line, a gateway or a leaf. */
#ifndef TOKEN_FILE_H
#define TOKEN_FILE_H

#include "private_file.h"

/* Reads the first line, without blanks at its end; others than the owner must not be able to read the file. `token` is an
 * empty buffer, and gets the token as a string. Done with it, call zr_file_wipe. false: `error` gets a line, and `token`
 * stays empty. */
bool zr_token_load(zr_buffer_t *token, const char *path, zr_error_t *error);

#endif
