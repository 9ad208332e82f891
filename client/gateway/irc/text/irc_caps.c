/* See irc_caps.h. */
#include "irc_caps.h"

typedef struct {
    const char *name;
    unsigned bit;
    const char *value; /* NULL: none */
} cap_t;

static const cap_t s_caps[] = {
    {"account-tag", IRC_ACCOUNT_TAG, NULL},
    {"away-notify", IRC_AWAY_NOTIFY, NULL},
    {"batch", IRC_BATCH, NULL},
    {"draft/chathistory", IRC_CHATHISTORY, NULL},
    {"draft/multiline", IRC_MULTILINE, "max-bytes=8192,max-lines=100"},
    {"echo-message", IRC_ECHO, NULL},
    {"extended-join", IRC_EXTENDED_JOIN, NULL},
    {"labeled-response", IRC_LABELS, NULL},
    {"message-tags", IRC_MESSAGE_TAGS, NULL},
    {"sasl", IRC_SASL, "PLAIN"},
    {"server-time", IRC_SERVER_TIME, NULL},
    {"standard-replies", IRC_STANDARD_REPLIES, NULL},
    {"userhost-in-names", IRC_USERHOST_IN_NAMES, NULL},
};
enum { CAPS = sizeof s_caps / sizeof s_caps[0] };

unsigned irc_cap_bit(zr_span_t name) {
    for (size_t i = 0; i < CAPS; i++)
        if (zr_span_equal(name, zr_span(s_caps[i].name)))
            return s_caps[i].bit;
    return 0;
}

void irc_caps_put(zr_buffer_t *out, unsigned mask, bool values) {
    const char *between = "";
    for (size_t i = 0; i < CAPS; i++) {
        if (!(mask & s_caps[i].bit))
            continue;
        bool valued = values && s_caps[i].value;
        zr_buffer_printf(out, "%s%s%s%s", between, s_caps[i].name, valued ? "=" : "", valued ? s_caps[i].value : "");
        between = " ";
    }
}

unsigned irc_caps_of(bool secure) {
    unsigned all = 0;
    for (size_t i = 0; i < CAPS; i++)
        all |= s_caps[i].bit;
    return secure ? all : all & ~(unsigned)IRC_SASL;
}

size_t irc_caps_count(void) {
    return CAPS;
}

const char *irc_caps_name(size_t i) {
    return s_caps[i].name;
}
