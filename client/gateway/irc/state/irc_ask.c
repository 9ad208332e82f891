/* See irc_ask.h. */
#include "irc_ask.h"

#include <stdio.h>
#include <utlist.h>

#include "control.h"
#include "fatal.h"
#include "irc_out.h"

enum { RETRY_MS = 500 };

const char *irc_answer_text(const json_t *answer, const char *member) {
    const char *text = json_string_value(json_object_get(answer, member));
    return text ? text : "";
}

uint64_t irc_answer_number(const json_t *answer, const char *member) {
    json_int_t value = json_integer_value(json_object_get(answer, member));
    return value > 0 ? (uint64_t)value : 0;
}

bool irc_answer_is(const json_t *answer, const char *op) {
    return answer && strcmp(irc_answer_text(answer, "op"), op) == 0;
}

bool irc_answer_failed(const json_t *answer, zr_code_t code) {
    return irc_answer_is(answer, "error") && strcmp(irc_answer_text(answer, "code"), zr_code_name(code)) == 0;
}

irc_ask_t *irc_ask_new(irc_t *irc, irc_answer_fn *answer, irc_frame_fn *frame, zr_span_t room) {
    irc_ask_t *ask = fatal_calloc(sizeof *ask);
    ask->answer = answer;
    ask->frame = frame;
    snprintf(ask->room, sizeof ask->room, "%.*s", (int)room.len, room.len ? room.ptr : "");
    ask->reply = irc_reply_hold(irc->reply);
    DL_APPEND(irc->asks, ask);
    irc->ask_count++;
    return ask;
}

static void s_free(irc_t *irc, irc_ask_t *ask) {
    DL_DELETE(irc->asks, ask);
    irc->ask_count--;
    json_decref(ask->object);
    zr_buffer_finish(&ask->lines);
    free(ask->text);
    free(ask->data);
    free(ask);
}

static void s_transmit(irc_t *irc, irc_ask_t *ask) {
    ask->due = 0;
    ask->waits = ask->frame && irc->reading && irc->reading != ask;
    if (ask->waits)
        return;
    if (ask->frame)
        irc->reading = ask;
    ask->id = ++irc->asked;
    json_object_set_new(ask->object, "id", json_integer((json_int_t)ask->id));
    if (ask->hello && !irc->alive)
        channel_hello(irc->channel, json_incref(ask->object));
    else
        channel_say(irc->channel, json_incref(ask->object));
}

static void s_next_reading(irc_t *irc) {
    irc_ask_t *ask;
    DL_FOREACH(irc->asks, ask)
    if (ask->waits) {
        s_transmit(irc, ask);
        return;
    }
}

/* The callback, and the end of the ask unless it asks again. */
static void s_answer(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    irc_reply_t *reply = ask->reply, *before = irc_reply_enter(irc, reply);
    bool reading = irc->reading == ask;
    ask->again = false;
    ask->answer(irc, ask, answer);
    irc_reply_enter(irc, before);
    if (ask->again)
        return;
    if (reading)
        irc->reading = NULL;
    s_free(irc, ask);
    irc_reply_release(irc, reply);
    if (reading && irc->alive)
        s_next_reading(irc);
}

static void s_set(irc_ask_t *ask, json_t *object) {
    json_decref(ask->object);
    ask->object = fatal_check(object);
}

void irc_ask_send(irc_t *irc, irc_ask_t *ask, json_t *object) {
    s_set(ask, object);
    if (irc->alive || (ask->hello && channel_is_open(irc->channel)))
        s_transmit(irc, ask);
    else
        s_answer(irc, ask, NULL);
}

void irc_ask_again(irc_t *irc, irc_ask_t *ask, json_t *object) {
    s_set(ask, object);
    ask->again = true;
    s_transmit(irc, ask);
}

/* The broker asked to wait: the request goes once more. */
static bool s_waits(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    bool limited = irc_answer_failed(answer, ZR_RATE_LIMITED) || irc_answer_failed(answer, ZR_TOO_MANY_REPLAYS);
    uint64_t wait = irc_answer_number(answer, "wait");
    if (limited)
        ask->due = irc->now + (wait ? wait : RETRY_MS);
    return limited;
}

bool irc_ask_take(irc_t *irc, const json_t *answer) {
    uint64_t re = irc_answer_number(answer, "re");
    irc_ask_t *ask;
    DL_FOREACH(irc->asks, ask)
    if (re && ask->id == re && !ask->due && !ask->waits) {
        if (!s_waits(irc, ask, answer))
            s_answer(irc, ask, answer);
        return true;
    }
    return false;
}

void irc_ask_frame(irc_t *irc, delivery_t *delivery) {
    irc_ask_t *ask = irc->reading;
    if (!ask || !zr_span_equal(delivery->room, zr_span(ask->room)))
        return;
    irc_reply_t *before = irc_reply_enter(irc, ask->reply);
    ask->frame(irc, ask, delivery);
    irc_reply_enter(irc, before);
}

/* A callback may ask anew; that is answered with NULL too, since the channel is closed, or goes to the next session. */
void irc_asks_lose(irc_t *irc) {
    irc_ask_t *old = irc->asks;
    irc->asks = irc->reading = NULL;
    while (old) {
        irc_ask_t *ask = old;
        DL_DELETE(old, ask);
        DL_APPEND(irc->asks, ask);
        s_answer(irc, ask, NULL);
    }
}

void irc_asks_finish(irc_t *irc) {
    irc->reading = NULL;
    while (irc->asks) {
        irc_reply_t *reply = irc->asks->reply;
        irc_reply_cancel(reply);
        s_free(irc, irc->asks);
        irc_reply_release(irc, reply);
    }
}

void irc_asks_tick(irc_t *irc) {
    irc_ask_t *ask, *next;
    DL_FOREACH_SAFE(irc->asks, ask, next)
    if (ask->due && ask->due <= irc->now)
        s_transmit(irc, ask);
}
