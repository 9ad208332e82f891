/* Contexts: named configuration files, one for each broker that a person uses, and which of them is in use. */
#ifndef CONTEXT_H
#define CONTEXT_H

#include "buffer.h"
#include "errors.h"

enum { CONTEXT_NAME_MAX = 64 };

/* 1 to CONTEXT_NAME_MAX letters, digits, '-', '_' and '.', which is not the first. */
bool context_name_valid(zr_span_t name);

/* Where the context's file is; the caller frees it. NULL: there is no home. */
char *context_path(const char *name);

/* The name of the context in use; the caller frees it. NULL: none, or it is not readable. */
char *context_current(void);

/* Uses it from now on; NULL: none any more. */
bool context_use(const char *name, zr_error_t *error);

/* Writes the context's file; there must be none yet. */
bool context_add(const char *name, zr_span_t text, zr_error_t *error);

bool context_exists(const char *name);

/* Takes its file away. */
bool context_remove(const char *name, zr_error_t *error);

/* Appends the names in their order, each with a newline behind. */
void context_list(zr_buffer_t *out);

#endif
