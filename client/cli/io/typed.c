/* See typed.h. */
#include "typed.h"

#include <stdio.h>
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

bool typed_char(const char *text, char *out) {
    static const char letters[] = "nrt0\\", bytes[] = "\n\r\t\0\\";
    size_t len = strlen(text);
    const char *letter = len == 2 && text[0] == '\\' ? strchr(letters, text[1]) : NULL;
    unsigned code;
    if (len == 1)
        *out = text[0];
    else if (letter)
        *out = bytes[letter - letters];
    else if (len == 4 && strspn(text + 2, "0123456789abcdefABCDEF") == 2 && sscanf(text, "\\x%2x", &code) == 1)
        *out = (char)code;
    else
        return false;
    return true;
}
