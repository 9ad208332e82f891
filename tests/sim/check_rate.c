/* A client must not ask the same thing again and again: a broker that refuses, or that is hostile, would keep it busy for
 * ever. What its program wished for, it may ask as often as that. */
#include <string.h>

#include "check.h"
#include "sim.h"

enum { FEW = 6 }; /* times in a second */

static uint64_t s_hash(uint64_t hash, zr_span_t text) {
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (uint8_t)text.ptr[i]) * 0x100000001b3ULL;
    return hash;
}

/* The number behind `member`; 0: it is not there. */
static uint64_t s_number(zr_span_t frame, const char *member) {
    const char *at = memmem(frame.ptr, frame.len, member, strlen(member)), *end = frame.ptr + frame.len;
    uint64_t number = 0;
    for (at = at ? at + strlen(member) : end; at < end && *at >= '0' && *at <= '9'; at++)
        number = 10 * number + (uint64_t)(*at - '0');
    return number;
}

/* The frame without its id, which is another each time. */
static uint64_t s_without_id(zr_span_t frame) {
    const char *id = memmem(frame.ptr, frame.len, "\"id\":", 5), *end = frame.ptr + frame.len;
    if (!id)
        return s_hash(0, frame);
    const char *rest = id + 5;
    while (rest < end && *rest >= '0' && *rest <= '9')
        rest++;
    uint64_t before = s_hash(0, zr_span_of(frame.ptr, (size_t)(id - frame.ptr)));
    return s_hash(before, zr_span_of(rest, (size_t)(end - rest)));
}

static bool s_is_late(const client_t *client, uint64_t time) {
    return time + 1000 * MS > client->sim->world.now;
}

void check_wished(client_t *client) {
    client->wishes[client->wish_count++ % RECENT] = client->sim->world.now;
}

static size_t s_wishes(const client_t *client) {
    size_t count = client->ask_count;
    for (size_t i = 0; i < RECENT && i < client->wish_count; i++)
        count += s_is_late(client, client->wishes[i]);
    return count;
}

/* Back-off before a hello waits a random time, and may wait a short one several times in a row. The same `who` may be
 * asked for the program and for presence, each with a back-off of its own. */
static bool s_may_double(bool hello, zr_span_t frame) {
    return hello || zr_span_starts(frame, zr_span("{\"op\":\"who\""));
}

/* A hello begins anew: another session is asked again what the one before did not answer. */
static void s_forget_questions(client_t *client) {
    for (size_t i = 0; i < RECENT; i++)
        if (!client->asked[i].hello)
            client->asked[i] = (asked_t){0};
}

/* The broker put a question off: it said when to ask again, and that may be soon. */
void check_answered(client_t *client, zr_span_t frame) {
    uint64_t id = frame.len && frame.ptr[0] == '{' ? s_number(frame, "\"re\":") : 0;
    if (id == 0 || s_number(frame, "\"wait\":") == 0)
        return;
    for (size_t i = 0; i < RECENT; i++)
        if (client->asked[i].id == id && !client->asked[i].hello)
            client->asked[i].put_off = true;
}

void check_asked(client_t *client, zr_span_t frame) {
    bool hello = zr_span_starts(frame, zr_span("{\"op\":\"hello\""));
    asked_t asked = {s_without_id(frame), client->sim->world.now, s_number(frame, "\"id\":"), hello, false};
    if (hello)
        s_forget_questions(client);
    size_t times = 1, put_off = 0;
    for (size_t i = 0; i < RECENT && i < client->asked_count; i++) {
        bool same = client->asked[i].hash == asked.hash && s_is_late(client, client->asked[i].time);
        times += same;
        put_off += same && client->asked[i].put_off;
    }
    client->asked[client->asked_count++ % RECENT] = asked;
    size_t few = s_may_double(hello, frame) ? 2 * FEW : put_off > FEW / 2 ? 3 * FEW : FEW;
    if (times > few && times > few + s_wishes(client))
        world_fail(&client->sim->world, "I6", "c%u asks the same %zu times in a second: %.*s", client->number, times,
            (int)frame.len, frame.ptr);
}
