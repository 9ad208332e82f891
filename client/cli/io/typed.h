/* What a person typed: names, a character. */
#ifndef TYPED_H
#define TYPED_H

#include <stdbool.h>

/* `text` in Unicode normalization form C, which the broker asks of names: keyboards and file systems give other forms
 * too. It is `text` itself if that is in this form already, else a copy that lives as long as the program. */
const char *typed_name(const char *text);

/* Reads one byte: as it is, or as \n, \r, \t, \0, \\ or \xHH. false: `text` is anything else. */
bool typed_char(const char *text, char *out);

#endif
