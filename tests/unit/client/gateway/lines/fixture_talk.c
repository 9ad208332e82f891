#include "fixture_talk.h"

#include <stdio.h>

#include "unanswered.h"

stage_t lines_stage;
talk_config_t lines_config;
talk_t *lines_talk;

lines_peer_t lines_peer;

bool lines_on_send(void *ctx, zr_blob_t *bytes, bool live) {
    size_t len = strlen(lines_peer.log);
    (void)ctx;
    ck_assert(!lines_peer.closed);
    if (live && lines_peer.deaf)
        return false;
    snprintf(lines_peer.log + len, sizeof lines_peer.log - len, "%.*s", (int)zr_blob_len(bytes),
        (char *)zr_blob_data(bytes));
    return true;
}

void lines_on_close(void *ctx) {
    (void)ctx;
    ck_assert(!lines_peer.closed);
    lines_peer.closed = true;
}

void lines_make(bool secure) {
    static const talk_calls_t calls = {lines_on_send, lines_on_close};
    ws_from_t from = {.address = "192.0.2.1", .secure = secure};
    lines_talk = talk_new(&lines_config, &from, 4711, &calls, NULL, lines_stage.now);
    ck_assert_ptr_nonnull(lines_talk);
}

void lines_say(const char *text) {
    ck_assert(!talk_is_paused(lines_talk, lines_stage.now));
    ck_assert_uint_eq(talk_bytes(lines_talk, zr_span(text), lines_stage.now), strlen(text));
}

void lines_broker(const char *json) {
    stage_inner(&lines_stage, 1, json);
}

void lines_welcome(const char *nick) {
    char json[200];
    snprintf(json, sizeof json, "{'op':'welcome','epoch':'" STAGE_EPOCH "','resume':'feed','nick':'%s'}", nick);
    lines_broker(json);
}

void lines_joined(const char *room, unsigned seq) {
    char json[100];
    snprintf(json, sizeof json, "{'op':'joined','room':'%s','seq':%u}", room, seq);
    lines_broker(json);
}

void lines_ack(uint8_t upto, uint8_t seq) {
    uint8_t frame[] = {2, 1, 0, 0, 0, 0, 0, 0, 0, upto, 0, 0, 0, 0, 0, 0, 0, seq};
    stage_inner_frame(&lines_stage, 1, zr_span_of(frame, sizeof frame));
}

void lines_entry(uint64_t prev, uint64_t seq, const char *body) {
    stage_back(&lines_stage, stage_entry("lobby", 0, prev, seq, body));
}

void lines_enter(void) {
    SENT_PART("open");
    SENT_PART("\"op\":\"hello\"");
    lines_welcome("ann");
    stage_tick(&lines_stage, 0);
    SENT("1 {\"op\":\"join\",\"id\":\"join\",\"room\":\"lobby\"}");
    HEARS("");
    lines_joined("lobby", 0);
    HEARS(GREETING);
    SENT("");
}

void lines_begin(void) {
    stage_begin(&lines_stage, 100);
    memset(&lines_peer, 0, sizeof lines_peer);
    lines_config = (talk_config_t){
        .host = &lines_stage.host, .room = "lobby", .nick = true, .history = 3, .max_line = 20, .max_deliveries = 1000};
    stage_go_live(&lines_stage);
    lines_make(true);
}

void lines_end(void) {
    talk_destroy(lines_talk);
    stage_end(&lines_stage);
}
