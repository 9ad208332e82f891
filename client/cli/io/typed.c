/* See typed.h. */
#include "typed.h"

#include <stdlib.h>

#include "fatal.h"
#include "unicode.h"

typedef struct copy {
    struct copy *next;
    char text[];
} copy_t;

static copy_t *s_copies; /* so that nobody has to free them */

const char *typed_name(const char *text) {
    zr_buffer_t name = {0};
    zr_nfc(&name, zr_span(text));
    if (!zr_span_equal(zr_span_of(name.data, name.len), zr_span(text))) {
        copy_t *copy = fatal_check(malloc(sizeof *copy + name.len + 1));
        memcpy(copy->text, name.data, name.len);
        copy->text[name.len] = '\0';
        copy->next = s_copies;
        s_copies = copy;
        text = copy->text;
    }
    zr_buffer_finish(&name);
    return text;
}
