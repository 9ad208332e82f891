/* CAP: capabilities (IRCv3 "capability-negotiation"). */
#include <stdio.h>

#include "irc_command.h"
#include "irc_login.h"
#include "irc_out.h"

static void s_begin(irc_t *irc, const char *subcommand) {
    irc_begin(irc, NULL, 0, "CAP");
    irc_middle(irc, irc->has_nick ? irc->shown.text : "*");
    irc_middle(irc, subcommand);
}

static void s_list(irc_t *irc, const char *subcommand, unsigned mask) {
    zr_buffer_t caps = {0};
    irc_caps_put(&caps, mask, irc->cap_version >= IRC_CAP_VALUES);
    s_begin(irc, subcommand);
    irc_trailing(irc, zr_span_of(caps.data, caps.len));
    irc_end(irc);
    zr_buffer_finish(&caps);
}

static void s_ls(irc_t *irc, const irc_message_t *message) {
    uint64_t version = 0;
    if (message->count > 1 && irc_number(message->params[1], &version) && version >= IRC_CAP_VALUES)
        irc->cap_version = IRC_CAP_VALUES;
    irc->negotiating |= !irc->registered;
    s_list(irc, "LS", irc_caps_of(irc->from.secure));
}

/* All of the list holds, or nothing of it. */
static bool s_apply(const irc_t *irc, zr_span_t list, unsigned *caps) {
    while (list.len > 0) {
        zr_span_t name = zr_span_word(&list);
        bool off = name.len > 0 && name.ptr[0] == '-';
        unsigned bit = irc_cap_bit(off ? zr_span_of(name.ptr + 1, name.len - 1) : name);
        if (name.len > 0 && !(bit & irc_caps_of(irc->from.secure)))
            return false;
        *caps = off ? *caps & ~bit : *caps | bit;
    }
    return true;
}

static void s_req(irc_t *irc, const irc_message_t *message) {
    zr_span_t list = message->count > 1 ? message->params[1] : zr_span("");
    unsigned caps = irc->caps;
    bool taken = s_apply(irc, list, &caps);
    irc->negotiating |= !irc->registered;
    s_begin(irc, taken ? "ACK" : "NAK");
    irc_trailing(irc, list);
    irc_end(irc);
    if (taken)
        irc->caps = caps;
}

static void s_run(irc_t *irc, const irc_message_t *message) {
    zr_span_t subcommand = message->params[0];
    char shown[16];
    if (irc_same(subcommand, zr_span("LS")))
        s_ls(irc, message);
    else if (irc_same(subcommand, zr_span("LIST")))
        s_list(irc, "LIST", irc->caps);
    else if (irc_same(subcommand, zr_span("REQ")))
        s_req(irc, message);
    else if (irc_same(subcommand, zr_span("END"))) {
        irc->negotiating = false;
        irc_try_register(irc);
    } else {
        snprintf(shown, sizeof shown, "%.*s", (int)(subcommand.len < 15 ? subcommand.len : 15), subcommand.ptr);
        irc_numeric(irc, ERR_INVALIDCAPCMD, zr_utf8_valid(zr_span(shown)) ? shown : "*", NULL);
    }
}

const irc_command_t irc_cap = {"CAP", s_run, 1, IRC_EARLY};
