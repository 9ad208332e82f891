/* See member.h. */
#include "member.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster.h"
#include "node.h"

#define FAIL(member, invariant, ...) world_fail(&(member)->sim->world, invariant, __VA_ARGS__)

typedef struct {
    uint64_t mid, tag;
} sent_t;

typedef struct {
    uint64_t last;
    bool live, gap;
} reader_t;

typedef struct member {
    cluster_t *sim;
    unsigned number;
    driver_t driver;
    bool connected;
    int epoch, next_epoch; /* -1: none */
    reader_t readers[STORE_ROOMS];
    uint64_t values[STORE_ROOMS][2]; /* of its keys, as it knows them in this epoch */
    sent_t *sent;                    /* in order of mid */
    size_t sent_count, sent_size;
    size_t told, told_count; /* so many of the first are answered, and of all */
} member_t;

static uint64_t s_now(const member_t *member) {
    return member->sim->world.now / MS;
}

/* --- Epochs --- */

static void s_connected(member_t *member, const zrelay_event_t *event) {
    int epoch = truth_epoch(&member->sim->truth, strtoull(event->epoch, NULL, 16));
    member->connected = true;
    if (epoch < 0)
        FAIL(member, "sim", "too many epochs");
    else if (member->epoch < 0)
        member->epoch = epoch;
    else if (epoch != member->epoch)
        member->next_epoch = epoch;
}

static void s_epoch(member_t *member, const zrelay_event_t *event) {
    int epoch = truth_epoch(&member->sim->truth, strtoull(event->epoch, NULL, 16));
    if (epoch != member->next_epoch)
        FAIL(member, "I9", "m%u is told of an epoch that does not begin now", member->number);
    member->epoch = epoch;
    member->next_epoch = -1;
    for (unsigned r = 0; r < STORE_ROOMS; r++)
        member->readers[r] = (reader_t){.live = member->readers[r].live};
    memset(member->values, 0, sizeof member->values);
}

/* --- Reading --- */

static void s_note_value(member_t *member, unsigned room, const zrelay_event_t *event) {
    if (event->key && event->key[0] == 'k')
        member->values[room][event->key[1] - '0'] = event->seq;
}

static void s_entry(member_t *member, const zrelay_event_t *event) {
    int room = store_room_number(zr_span(event->room));
    if (room < 0 || member->epoch < 0 || member->next_epoch >= 0) {
        FAIL(member, "I9", "m%u gets an entry, and does not know its room or epoch", member->number);
        return;
    }
    const stored_t got = {
        .seq = event->seq, .time = event->time, .tag = store_tag(zr_span_of(event->body, event->body_len))};
    const stored_t *stored = truth_seen(&member->sim->truth, member->epoch, (unsigned)room, &got);
    reader_t *reader = &member->readers[room];
    if (event->seq <= reader->last)
        FAIL(member, "I1", "m%u gets %s %" PRIu64 " after %" PRIu64, member->number, event->room, event->seq,
            reader->last);
    else if (stored && stored->prev != reader->last)
        FAIL(member, "I2", "m%u gets %s %" PRIu64 " after %" PRIu64 ", and was not told that %" PRIu64 " is missing",
            member->number, event->room, event->seq, reader->last, stored->prev);
    reader->last = event->seq;
    s_note_value(member, (unsigned)room, event);
}

static void s_gap(member_t *member, const zrelay_event_t *event, bool gap) {
    int room = store_room_number(zr_span(event->room));
    if (room < 0 || member->readers[room].gap == gap)
        FAIL(member, "I2", "m%u: a gap in %s is told wrongly", member->number, event->room);
    else
        member->readers[room].gap = gap;
}

/* --- Publishing --- */

static size_t s_sent_from(const member_t *member, uint64_t mid) {
    size_t at = member->told;
    while (at < member->sent_count && member->sent[at].mid < mid)
        at++;
    return at;
}

static void s_tell(member_t *member, size_t index, bool refused, bool unknown) {
    uint64_t tag = member->sent[index].tag;
    if (truth_at(&member->sim->truth, tag)->told != TOLD_NOTHING)
        return;
    member->told_count++;
    truth_told(&member->sim->truth, tag, member->epoch, refused, unknown);
}

static void s_told(member_t *member, uint64_t first, uint64_t last, bool refused, bool unknown) {
    for (size_t i = s_sent_from(member, first); i < member->sent_count && member->sent[i].mid <= last; i++)
        s_tell(member, i, refused, unknown);
    while (member->told < member->sent_count &&
           truth_at(&member->sim->truth, member->sent[member->told].tag)->told != TOLD_NOTHING)
        member->told++;
}

static void s_acked(member_t *member, const zrelay_event_t *event) {
    if ((int)event->level != (int)database_level(member->sim->database))
        FAIL(member, "I4", "m%u: an ack of level %d", member->number, event->level);
    s_told(member, 0, event->mid, false, false);
}

static void s_refused(member_t *member, const zrelay_event_t *event) {
    if (event->mid)
        s_told(member, event->mid, event->upto, true, strcmp(event->code, "outcome-unknown") == 0);
    else
        FAIL(member, "sim", "m%u is refused: %s %s", member->number, event->code, event->text);
}

/* --- Events --- */

static void s_event(void *ctx, const zrelay_event_t *event) {
    member_t *member = ctx;
    int room = event->room ? store_room_number(zr_span(event->room)) : -1;
    world_trace(&member->sim->world, "m%u event %d %s seq %" PRIu64 " upto %" PRIu64 " mid %" PRIu64 " %s",
        member->number, event->type, event->room ? event->room : "", event->seq, event->upto, event->mid,
        event->code ? event->code : "");
    switch (event->type) {
    case ZRELAY_CONNECTED:
        s_connected(member, event);
        break;
    case ZRELAY_DISCONNECTED:
        member->connected = false;
        break;
    case ZRELAY_EPOCH:
        s_epoch(member, event);
        break;
    case ZRELAY_JOINED:
        if (room >= 0)
            member->readers[room].live = true;
        break;
    case ZRELAY_ENTRY:
        s_entry(member, event);
        break;
    case ZRELAY_GAP:
    case ZRELAY_REPAIRED:
        s_gap(member, event, event->type == ZRELAY_GAP);
        break;
    case ZRELAY_LOST:
        FAIL(member, "I2", "m%u is told that %s lost %" PRIu64 " to %" PRIu64 ", and all is there", member->number,
            event->room, event->seq, event->upto);
        break;
    case ZRELAY_ACKED:
        s_acked(member, event);
        break;
    case ZRELAY_REFUSED:
        s_refused(member, event);
        break;
    default:
        break;
    }
}

static bool s_over(void *ctx) {
    (void)ctx;
    return false;
}

/* --- What it does --- */

static void s_publish(member_t *member, const message_t *message) {
    cluster_t *sim = member->sim;
    char body[200];
    uint64_t mid, tag = truth_message(&sim->truth, message);
    int len = snprintf(body, sizeof body, "%" PRIu64 ":%0*d", tag, (int)rng_skewed(&sim->world.rng, 100) + 1, 0);
    int code = machine_publish(member->driver.machine, store_room(message->room), message->key[0] ? message->key : NULL,
        message->compares ? ZR_ENTRY_EXPECT : 0, message->expect, body, (size_t)len, &mid);
    if (code != 0)
        return; /* it has too much under way */
    truth_at(&sim->truth, tag)->mid = mid;
    if (member->sent_count == member->sent_size)
        member->sent = world_grow(member->sent, &member->sent_size, sizeof *member->sent);
    member->sent[member->sent_count++] = (sent_t){mid, tag};
}

static void s_say(member_t *member, unsigned room) {
    for (uint64_t count = 1 + rng_skewed(&member->sim->world.rng, 6); count > 0; count--)
        s_publish(member, &(message_t){.member = member->number, .room = room});
}

static void s_set(member_t *member, unsigned room, bool compares) {
    unsigned key = (unsigned)rng_below(&member->sim->world.rng, 2);
    message_t message = {.member = member->number, .room = room, .key = {'k', (char)('0' + key)}};
    if (compares && member->epoch < 0)
        return;
    message.compares = compares;
    message.expect = compares ? member->values[room][key] : 0;
    s_publish(member, &message);
}

void member_step(member_t *member) {
    rng_t *rng = &member->sim->world.rng;
    unsigned room = (unsigned)rng_below(rng, STORE_ROOMS);
    uint64_t dice = rng_below(rng, 10);
    if (dice < 6)
        s_say(member, room);
    else
        s_set(member, room, dice >= 8);
    driver_wake(&member->driver);
}

driver_t *member_driver(member_t *member) {
    return &member->driver;
}

bool member_missing(member_t *member, char *why, size_t size) {
    const database_t *database = member->sim->database;
    if (!member->connected || member->epoch != truth_epoch(&member->sim->truth, database_epoch(database))) {
        snprintf(why, size, "m%u is not connected to this epoch", member->number);
        return true;
    }
    if (member->told_count != member->sent_count || machine_unacked(member->driver.machine) != 0) {
        snprintf(why, size, "m%u: %zu of %zu messages are answered, the machine says that %zu are not", member->number,
            member->told_count, member->sent_count, machine_unacked(member->driver.machine));
        return true;
    }
    for (unsigned r = 0; r < STORE_ROOMS; r++) {
        const reader_t *reader = &member->readers[r];
        uint64_t head = store_head(database_store(database), r);
        if (reader->live && !reader->gap && reader->last == head)
            continue;
        snprintf(why, size, "m%u has %s up to %" PRIu64 " and the head is %" PRIu64 "%s%s", member->number,
            store_room(r), reader->last, head, reader->live ? "" : ", it has not joined", reader->gap ? ", a gap" : "");
        return true;
    }
    return false;
}

/* --- Birth and death --- */

static void s_entropy(void *ctx, void *out, size_t len) {
    rng_fill(&((cluster_t *)ctx)->entropy, out, len);
}

/* Some know all brokers, some a few, in any order; `welcome` names the rest. */
static void s_servers(member_t *member, zr_servers_t *servers) {
    cluster_t *sim = member->sim;
    char list[200] = "";
    unsigned first = (unsigned)rng_below(&sim->world.rng, sim->params.nodes);
    unsigned count = (unsigned)rng_between(&sim->world.rng, 2, sim->params.nodes);
    for (unsigned i = 0; i < count; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? "," : "",
            node_front((first + i) % sim->params.nodes));
    if (zr_servers_read(servers, zr_span(list)))
        abort();
}

member_t *member_new(cluster_t *sim, unsigned number) {
    static const driver_calls_t calls = {.event = s_event, .over = s_over};
    member_t *member = world_calloc(sizeof *member);
    zr_servers_t servers;
    char name[8], nick[8];
    member->sim = sim;
    member->number = number;
    member->epoch = member->next_epoch = -1;
    snprintf(name, sizeof name, "m%u", number % 10);
    snprintf(nick, sizeof nick, "n%u", number % 10);
    s_servers(member, &servers);
    member->driver.calls = &calls;
    member->driver.ctx = member;
    member->driver.several = true;
    driver_init(&member->driver, &sim->network, name, NULL);
    const machine_config_t config = {.servers = &servers,
        .nick = nick,
        .queue_messages = 1000,
        .queue_bytes = 1 << 20,
        .reconnect = true,
        .entropy = s_entropy,
        .entropy_ctx = sim};
    member->driver.machine = machine_new(&config, s_now(member));
    for (unsigned r = 0; r < STORE_ROOMS; r++)
        machine_join(member->driver.machine, store_room(r), ZRELAY_FROM_AFTER, 0, s_now(member));
    driver_wake(&member->driver);
    return member;
}

void member_destroy(member_t *member) {
    if (!member)
        return;
    driver_finish(&member->driver);
    free(member->sent);
    free(member);
}
