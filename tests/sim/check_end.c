/* Once the faults have stopped and time has passed, nothing may be missing. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "check_work.h"
#include "sim.h"

/* Is the client's user in `room` for others to see? */
static bool s_is_seen(const client_t *client, unsigned room) {
    return client->readers[room].wanted && !client->readers[room].silent &&
           rights_may(client->sim, client, room, RIGHT_PRESENCE);
}

/* What the user of that nick shows in the room; -1: it has several sessions there, or none. */
static int s_shown(const sim_t *sim, const char *nick, unsigned room) {
    const client_t *found = NULL;
    for (unsigned i = 0; i < SLOTS; i++) {
        const client_t *client = sim->slots[i];
        if (!client || !s_is_seen(client, room) || strcmp(client->nick, nick) != 0)
            continue;
        if (found)
            return -1;
        found = client;
    }
    return found ? (int)found->meta : -1;
}

static bool s_present(const sim_t *sim, const char *nick, unsigned room) {
    for (unsigned i = 0; i < SLOTS; i++)
        if (sim->slots[i] && s_is_seen(sim->slots[i], room) && strcmp(sim->slots[i]->nick, nick) == 0)
            return true;
    return false;
}

/* How many users are there for others to see? */
static size_t s_present_count(const sim_t *sim, unsigned room) {
    size_t count = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        bool first = sim->slots[i] && s_is_seen(sim->slots[i], room);
        for (unsigned j = 0; j < i && first; j++)
            first = !sim->slots[j] || !s_is_seen(sim->slots[j], room) ||
                    strcmp(sim->slots[i]->nick, sim->slots[j]->nick) != 0;
        count += first;
    }
    return count;
}

/* A reader of presence that is wrong about the users present. In a crowded room it need know their number only. */
static bool s_presence_missing(const client_t *client, unsigned r, char *why, size_t size) {
    const reader_t *reader = &client->readers[r];
    size_t count = s_present_count(client->sim, r);
    if (!reader->watches || !rights_may(client->sim, client, r, RIGHT_PRESENCE))
        return false;
    if (reader->count != count) {
        snprintf(why, size, "c%u believes that %" PRIu64 " users are in %s, and %zu are", client->number, reader->count,
            room_text(r), count);
        return true;
    }
    for (size_t i = 0; i < reader->seen_count && count <= client->sim->params.presence_names / 2; i++) {
        const seen_t *seen = &reader->seen[i];
        int shown = s_shown(client->sim, seen->nick, r);
        if (strcmp(seen->nick, client->nick) != 0 && seen->here && shown >= 0 && (unsigned)shown != seen->meta) {
            snprintf(why, size, "c%u believes that %s shows %u in %s, and it is %d", client->number, seen->nick,
                seen->meta, room_text(r), shown);
            return true;
        }
        if (strcmp(seen->nick, client->nick) == 0 || seen->here == s_present(client->sim, seen->nick, r))
            continue;
        snprintf(why, size, "c%u believes that %s is %s %s", client->number, seen->nick, seen->here ? "in" : "not in",
            room_text(r));
        return true;
    }
    return false;
}

static bool s_reader_missing(const client_t *client, unsigned r, char *why, size_t size) {
    const reader_t *reader = &client->readers[r];
    const model_room_t *room = &client->sim->model.epochs[client->epoch].rooms[r];
    uint64_t head = model_head(room);
    if (!reader->wanted || reader->forgotten || (reader->prefixed && !rights_may(client->sim, client, r, RIGHT_READ)))
        return false;
    if (!reader->live)
        snprintf(why, size, "c%u has not joined %s", client->number, room_text(r));
    else if (reader->gap)
        snprintf(why, size, "c%u: the gap in %s is not repaired", client->number, room_text(r));
    else if (reader->placed && reader->last != head && !(reader->choice && head == 0) &&
             !model_fresh(client->sim, room) && !(reader->prefixed && room->stored == room->first))
        snprintf(why, size, "c%u has %s up to %" PRIu64 " and the head is %" PRIu64, client->number, room_text(r),
            reader->last, head);
    else if (!reader->placed && head > room->oldest)
        snprintf(why, size, "c%u has read nothing of the last %" PRIu64 " of %s", client->number, reader->position,
            room_text(r));
    else
        return s_presence_missing(client, r, why, size);
    return why[0] != '\0';
}

bool check_missing(const client_t *client, char *why, size_t size) {
    const sim_t *sim = client->sim;
    why[0] = '\0';
    if (client->driver.frozen || !client->connected || client->epoch != (int)sim->model.epoch_count - 1) {
        snprintf(why, size, "c%u is not connected to this epoch", client->number);
        return true;
    }
    if (client->told_count != client->sent_count || machine_unacked(client->driver.machine) != 0) {
        snprintf(why, size, "c%u: %zu of %zu messages are answered, the machine says that %zu are not", client->number,
            client->told_count, client->sent_count, machine_unacked(client->driver.machine));
        return true;
    }
    if (client->ask_count > 0) {
        snprintf(why, size, "c%u: request %" PRIu64 " is not answered", client->number, client->asks[0].number);
        return true;
    }
    for (unsigned r = 0; r < ROOMS; r++) {
        const model_room_t *room = &sim->model.epochs[client->epoch].rooms[r];
        if (s_reader_missing(client, r, why, size) || work_missing(client, r, why, size))
            return true;
        if (client->prefix && !client->partly && !client->readers[r].wanted && room_text(r)[0] == 'r' &&
            room->stored > room->first && rights_may(sim, client, r, RIGHT_READ)) {
            snprintf(why, size, "c%u reads " PREFIX " and does not know %s", client->number, room_text(r));
            return true;
        }
    }
    return false;
}
