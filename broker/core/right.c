#include "right.h"

#include <stddef.h>

static const struct {
    const char *name;
    rights_t right;
} s_rights[] = {
    {"read", RIGHT_READ},
    {"write", RIGHT_WRITE},
    {"state", RIGHT_STATE},
    {"presence", RIGHT_PRESENCE},
    {"create", RIGHT_CREATE},
    {"work", RIGHT_WORK},
    {"kick", RIGHT_KICK},
    {"admin", RIGHT_ADMIN},
    {"gateway", RIGHT_GATEWAY},
    {"leaf", RIGHT_LEAF},
    {"all", RIGHT_ALL},
};
enum { RIGHT_NAMES = sizeof s_rights / sizeof s_rights[0] };

rights_t right_named(zr_span_t name) {
    for (size_t i = 0; i < RIGHT_NAMES; i++)
        if (zr_span_equal(name, zr_span(s_rights[i].name)))
            return s_rights[i].right;
    return 0;
}

const char *right_name(rights_t rights) {
    size_t i = 0;
    while (i + 1 < RIGHT_NAMES && !(s_rights[i].right & rights))
        i++;
    return s_rights[i].name;
}
