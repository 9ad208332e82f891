/* See irc_numerics.h. */
#include "irc_numerics.h"

#include <stddef.h>

static const irc_numeric_row_t s_rows[IRC_NUMERIC_COUNT] = {
#define X(name, number, text) [name] = {#name, number, text},
    IRC_NUMERICS(X)
#undef X
};

const irc_numeric_row_t *irc_numeric_row(irc_numeric_t numeric) {
    return &s_rows[numeric];
}
