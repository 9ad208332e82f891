/* A frame with entries or presence on its way to readers, in the forms that they take. Each form is made once, when the
 * first reader needs it, and shared by all. Forms for browsers
 * are whole WebSocket frames. */
#ifndef DELIVERY_H
#define DELIVERY_H

#include "buffer.h"
#include "wire.h"

typedef enum {
    FORM_BINARY,      /* entries as DELIVER in a binary message; presence as JSON */
    FORM_JSON,        /* {"op":"entries",…} */
    FORM_BODY,        /* a text message for each entry with its body; nothing for presence */
    FORM_NICK,        /* the same with "nick: " before it */
    FORM_LINES,       /* a text message for each entry, a JSON object as `zrelay sub --json` has it */
    FORM_EVENTS,      /* server-sent events with JSON; the streams of the HTTP API make these two */
    FORM_EVENTS_BODY, /* the same with bodies */
    FORM_TEXT_NICK,   /* lines of text, "nick: text"; lines/talk_text.c makes these four */
    FORM_TEXT_BODY,   /* the same with bodies alone */
    FORM_TEXT_NICK_CRLF,
    FORM_TEXT_BODY_CRLF,
    FORMS
} form_t;

enum { DELIVERY_OTHERS = 16 };

typedef struct {
    zr_span_t frame; /* as it came */
    zr_back_kind_t kind;
    zr_span_t room, json; /* views into it; `json`: of presence */
    /* Of entries: */
    uint8_t flags;
    uint64_t epoch, prev, first, last;
    zr_blob_t *forms[FORMS];            /* NULL: not made yet */
    zr_blob_t *others[DELIVERY_OTHERS]; /* forms that readers make themselves, to be shared; NULL: not made yet */
} delivery_t;

/* Takes a frame apart, which must stay until delivery_finish. false: it is neither entries nor presence. */
bool delivery_begin(delivery_t *delivery, zr_span_t frame);
void delivery_finish(delivery_t *delivery);

/* The form, borrowed; NULL: there is nothing to tell in it. Bodies that are not UTF-8 travel as base64 in JSON; in
 * FORM_BODY and FORM_NICK they make a binary message. */
zr_blob_t *delivery_form(delivery_t *delivery, form_t form);

/* The form of the entries after `seq` only, a new blob, the caller's. NULL: there are no such entries. */
zr_blob_t *delivery_after(const delivery_t *delivery, form_t form, uint64_t seq);

#endif
