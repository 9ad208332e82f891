#include "rights.h"

#include "access_build.h"
#include "broker.h"
#include "client.h"
#include "sim.h"

enum { LATE_MS = 500 }; /* at most, of a planted fault */

static const char *const s_users[USERS] = {"ann", "bob", "eve"};

const char *rights_user(unsigned slot) {
    return s_users[slot % USERS];
}

/* A user of the file, or the role that such a user's JWTs name; then the file has only the ban. */
static access_user_t *s_add_user(const sim_t *sim, unsigned u, access_t *access) {
    zr_span_t name = zr_span(s_users[u]);
    access_user_t *user = NULL;
    if (!sim->params.jwt || sim->users.banned[u])
        user = access_add_user(access, name);
    if (user)
        access_set_banned(user, sim->users.banned[u]);
    return sim->params.jwt ? access_add_role(access, name) : user;
}

access_t *rights_access(const sim_t *sim) {
    if (!sim->params.rights)
        return NULL;
    access_t *access = access_new();
    for (unsigned u = 0; u < USERS; u++) {
        access_user_t *user = s_add_user(sim, u, access);
        for (unsigned r = 0; r < ROOMS; r++)
            access_add_rule(user, false, sim->users.may[u][r], zr_span(room_text(r)));
    }
    access_add_rule(access_add_user(access, zr_span(RIGHTS_GATEWAY)), false, RIGHT_GATEWAY, zr_span("*"));
    if (sim->params.jwt)
        access_add_signer(access, RIGHTS_SIGNER);
    access_finish(access);
    return access;
}

static void s_tell(void *ctx, uint64_t arg) {
    (void)arg;
    broker_set_access(ctx);
}

/* The broker takes what the log stored before it takes a right. */
static void s_note_taken(sim_t *sim, bool taken[USERS][ROOMS]) {
    if (sim->model.epoch_count == 0)
        return;
    for (unsigned u = 0; u < USERS; u++)
        for (unsigned r = 0; r < ROOMS; r++)
            if (taken[u][r])
                sim->users.taken[sim->model.epoch_count - 1][u][r] = model_head(&model_now(sim)->rooms[r]);
}

/* Mostly reading and writing are what comes and goes. */
void rights_change(sim_t *sim) {
    rng_t *rng = &sim->world.rng;
    bool taken[USERS][ROOMS];
    if (sim->broker && broker_runs(sim))
        broker_begin_pass(sim); /* what is allowed still */
    for (unsigned u = 0; u < USERS; u++) {
        sim->users.banned[u] = !sim->quiet && rng_chance(rng, 1, 8);
        if (sim->users.banned[u])
            world_trace(&sim->world, "%s is banned", s_users[u]);
        for (unsigned r = 0; r < ROOMS; r++) {
            rights_t rights = RIGHT_ALL;
            if (rng_chance(rng, 1, 5))
                rights &= ~(rights_t)RIGHT_READ;
            if (rng_chance(rng, 1, 5))
                rights &= ~(rights_t)RIGHT_WRITE;
            if (rng_chance(rng, 1, 12))
                rights &= ~(rights_t)rng_below(rng, RIGHT_ALL + 1);
            taken[u][r] = (sim->users.may[u][r] & ~rights) & RIGHT_READ;
            sim->users.may[u][r] = rights;
            world_trace(&sim->world, "%s may %x in %s", s_users[u], rights, room_text(r));
        }
    }
    s_note_taken(sim, taken);
    if (sim->plant == PLANT_LATE_REVOCATION && sim->broker)
        world_at(&sim->world, sim->world.now + rng_skewed(rng, LATE_MS * MS), s_tell, sim, 0);
    else if (sim->broker)
        broker_set_access(sim);
    s_note_taken(sim, taken);
}

static unsigned s_user(const client_t *client) {
    return client->slot % USERS;
}

bool rights_may(const sim_t *sim, const client_t *client, unsigned room, rights_t needed) {
    unsigned user = s_user(client);
    return !sim->params.rights || (!sim->users.banned[user] && (sim->users.may[user][room] & needed) == needed);
}

uint64_t rights_missed(const sim_t *sim, const client_t *client, unsigned room) {
    return client->epoch < 0 ? 0 : sim->users.taken[client->epoch][s_user(client)][room];
}

/* The room whose entries or presence a frame holds, and the rights to have them; -1: none. */
static int s_about(zr_span_t frame, rights_t *needed) {
    zr_span_t room, json;
    zr_back_kind_t kind = zr_back_read(frame, &room, &json);
    *needed = RIGHT_READ | (kind == ZR_BACK_PRESENCE ? RIGHT_PRESENCE : 0);
    return kind == ZR_BACK_ENTRIES || kind == ZR_BACK_PRESENCE ? room_number(room) : -1;
}

void rights_check_sent(sim_t *sim, const conn_t *conn, zr_span_t frame) {
    rights_t needed;
    int room = sim->params.rights && frame.ptr[0] != '{' && frame.ptr[0] != ZR_TYPE_ACK ? s_about(frame, &needed) : -1;
    if (room >= 0 && !rights_may(sim, conn->client, (unsigned)room, needed))
        world_fail(&sim->world, "rights", "c%u is sent of %s what %s may not see", conn->client->number,
            room_text((unsigned)room), conn->client->user);
}

void rights_check_published(sim_t *sim, zr_span_t frame) {
    rights_t needed;
    int room = sim->params.rights ? s_about(frame, &needed) : -1;
    for (unsigned u = 0; u < USERS && room >= 0; u++)
        if (!sim->users.banned[u] && (sim->users.may[u][room] & needed) != needed)
            world_fail(&sim->world, "rights", "on the back is of %s what %s may not see", room_text((unsigned)room),
                s_users[u]);
}
