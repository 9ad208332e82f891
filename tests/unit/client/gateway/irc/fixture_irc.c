#include "fixture_irc.h"

#include <stdio.h>

#include "unit.h"
#include "wire.h"

#define WALL_US 1700000000123456ULL

enum { EPOCH = 0xe1, LINE_MAX_BYTES = 4096 };

static void s_entropy(void *ctx, void *out, size_t len) {
    (void)ctx;
    memset(out, 0x11, len);
}

static uint64_t s_wall(void *ctx) {
    (void)ctx;
    return WALL_US;
}

static bool s_send(void *ctx, zr_blob_t *lines, bool live) {
    scene_t *scene = ctx;
    ck_assert(!scene->closed);
    if (live && scene->deaf)
        return false;
    zr_buffer_append(&scene->heard, zr_blob_data(lines), zr_blob_len(lines));
    return true;
}

static bool s_ready(void *ctx) {
    return !((scene_t *)ctx)->busy;
}

static void s_close(void *ctx) {
    scene_t *scene = ctx;
    ck_assert(!scene->closed);
    scene->closed = true;
}

static const irc_calls_t s_calls = {s_send, s_ready, s_close};

void scene_begin(scene_t *scene, bool secure) {
    irc_from_t from = {.address = "192.0.2.1", .secure = secure};
    memset(scene, 0, sizeof *scene);
    stage_begin(&scene->stage, 100);
    stage_go_live(&scene->stage);
    scene->host = (irc_host_t){.uplink = scene->stage.uplink,
        .feeds = scene->stage.feeds,
        .people = irc_people_new(irc_people_changed),
        .max_rooms = 4,
        .rate = 1000,
        .ping_ms = 60000,
        .timeout_ms = 30000,
        .entropy = s_entropy,
        .wall_us = s_wall};
    scene->irc = irc_new(&scene->host, &from, &s_calls, scene, scene->stage.now);
    ck_assert_ptr_nonnull(strstr(stage_next(&scene->stage), "\"op\":\"open\""));
}

void scene_end(scene_t *scene) {
    irc_destroy(scene->irc);
    irc_people_destroy(scene->host.people);
    zr_buffer_finish(&scene->heard);
    stage_end(&scene->stage);
}

/* --- Steps --- */

static void s_client(scene_t *scene, const char *text) {
    char line[LINE_MAX_BYTES];
    int len = snprintf(line, sizeof line, "%s\n", text);
    ck_assert_uint_eq(irc_bytes(scene->irc, zr_span_of(line, (size_t)len), scene->stage.now), (size_t)len);
}

static const char *s_next_line(scene_t *scene) {
    static char line[LINE_MAX_BYTES];
    if (scene->heard.len == 0)
        return "";
    const char *data = (const char *)scene->heard.data, *end = memmem(data, scene->heard.len, "\r\n", 2);
    ck_assert_msg(end != NULL, "the output is no whole line");
    size_t len = (size_t)(end - data);
    ck_assert_uint_lt(len, sizeof line);
    memcpy(line, data, len);
    line[len] = '\0';
    memmove(scene->heard.data, scene->heard.data + len + 2, scene->heard.len - len - 2);
    scene->heard.len -= len + 2;
    return line;
}

static void s_server(scene_t *scene, const char *text) {
    size_t len = strlen(text);
    const char *line = s_next_line(scene);
    bool open = len > 0 && text[len - 1] == '*';
    bool same = open ? strncmp(line, text, len - 1) == 0 : strcmp(line, text) == 0;
    ck_assert_msg(same, "the client got '%s', not '%s'", line, text);
}

static void s_broker(scene_t *scene, char *text) {
    unit_quotes(text);
    const char *frame = stage_next(&scene->stage);
    ck_assert_msg(strstr(frame, text), "the broker got '%s', which has no '%s'", frame, text);
}

static void s_answer(scene_t *scene, char *text) {
    unit_quotes(text);
    stage_inner_frame(&scene->stage, 1, zr_span(text));
}

/* \n and \xHH become bytes. */
static zr_span_t s_bytes(char *text) {
    size_t len = 0;
    for (const char *at = text; *at; at++) {
        unsigned byte;
        if (at[0] == '\\' && at[1] == 'n') {
            text[len++] = '\n';
            at++;
        } else if (at[0] == '\\' && at[1] == 'x' && sscanf(at + 2, "%2x", &byte) == 1) {
            text[len++] = (char)byte;
            at += 3;
        } else
            text[len++] = *at;
    }
    return zr_span_of(text, len);
}

static void s_entry(scene_t *scene, char *text, char kind) {
    zr_buffer_t frame = {0};
    zr_span_t rest = zr_span(text), room = zr_span_cut(&rest, ' '), prev = zr_span_cut(&rest, ' ');
    zr_span_t seq = zr_span_cut(&rest, ' '), nick = zr_span_cut(&rest, ' ');
    zr_span_t key = kind == 'K' || kind == 'T' ? zr_span_cut(&rest, ' ') : zr_span("");
    uint8_t flags = kind == 'R' ? ZR_FRAME_REPLAY : kind == 'T' ? ZR_FRAME_STATE : 0;
    uint64_t number = strtoull(seq.ptr, NULL, 10);
    zr_deliver_begin(&frame, room, flags, EPOCH, strtoull(prev.ptr, NULL, 10));
    zr_deliver_add(&frame, &(zr_entry_t){.seq = number,
                               .time = WALL_US + 1000000 * number,
                               .sender = nick,
                               .key = key,
                               .body = s_bytes((char *)rest.ptr)});
    if (flags)
        stage_inner_frame(&scene->stage, 1, zr_span_of(frame.data, frame.len));
    else
        stage_back(&scene->stage, zr_span_of(frame.data, frame.len));
    zr_buffer_finish(&frame);
}

static void s_presence(scene_t *scene, char *text) {
    char frame[LINE_MAX_BYTES];
    unit_quotes(text);
    char *json = strchr(text, ' ');
    int len = snprintf(frame, sizeof frame, "%.*s\001%s", (int)(json - text), text, json + 1);
    stage_back(&scene->stage, zr_span_of(frame, (size_t)len));
}

static void s_step(scene_t *scene, char *line) {
    char *text = line + (strlen(line) > 3 ? 3 : strlen(line));
    ck_assert_msg(line[1] == ':', "'%s' is no step", line);
    switch (line[0]) {
    case 'C':
        s_client(scene, text);
        break;
    case 'S':
        s_server(scene, text);
        break;
    case 'B':
        s_broker(scene, text);
        break;
    case 'A':
        s_answer(scene, text);
        break;
    case 'P':
        s_presence(scene, text);
        break;
    case 'W':
        stage_tick(&scene->stage, strtoull(text, NULL, 10));
        irc_tick(scene->irc, scene->stage.now);
        break;
    case 'Z':
        ck_assert_str_eq(s_next_line(scene), "");
        break;
    case 'X':
        ck_assert(scene->closed);
        break;
    default:
        s_entry(scene, text, line[0]);
    }
}

void scene_play(scene_t *scene, const char *script) {
    zr_span_t rest = zr_span(script);
    char line[LINE_MAX_BYTES];
    while (rest.len > 0) {
        zr_span_t step = zr_span_cut(&rest, '\n');
        while (step.len > 0 && step.ptr[0] == ' ')
            step = zr_span_of(step.ptr + 1, step.len - 1);
        snprintf(line, sizeof line, "%.*s", (int)step.len, step.ptr);
        if (line[0] && line[0] != '#')
            s_step(scene, line);
    }
}

/* --- Beginnings --- */

static void s_forget_heard(scene_t *scene) {
    zr_buffer_finish(&scene->heard);
}

void scene_register(scene_t *scene, const char *caps) {
    char line[LINE_MAX_BYTES];
    if (caps) {
        snprintf(line, sizeof line, "CAP REQ :%s", caps);
        s_client(scene, line);
        s_forget_heard(scene);
        s_client(scene, "CAP END");
    }
    scene_play(scene, "C: NICK ann\n"
                      "C: USER ann 0 * :Ann\n"
                      "B: 'op':'hello'\n"
                      "A: {'op':'welcome','re':1,'nick':'ann','epoch':'" SCENE_EPOCH "','resume':'abc'}\n");
    ck_assert_ptr_nonnull(memmem(scene->heard.data, scene->heard.len, " 001 ann ", 9));
    s_forget_heard(scene);
}

void scene_join(scene_t *scene, const char *room, unsigned next_ask) {
    char script[LINE_MAX_BYTES];
    snprintf(script, sizeof script,
        "C: JOIN #%s\n"
        "W: 10\n"
        "B: 'op':'join'\n"
        "A: {'op':'joined','re':%u,'room':'%s','seq':10,'oldest':0,'version':7,'count':2,'private':false}\n"
        "B: 'op':'state'\n"
        "A: {'op':'ok','re':%u,'room':'%s','seq':10,'count':0,'next':0,'more':false}\n"
        "B: 'op':'who'\n"
        "A: "
        "{'op':'who','re':%u,'room':'%s','version':7,'users':[{'nick':'ann'},{'nick':'bob'}],'count':2,'more':false}\n",
        room, next_ask, room, next_ask + 1, room, next_ask + 2, room);
    scene_play(scene, script);
    ck_assert_ptr_nonnull(memmem(scene->heard.data, scene->heard.len, " 366 ann ", 9));
    s_forget_heard(scene);
}
