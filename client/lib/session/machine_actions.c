/* The queue of actions, and what every part of the machine needs of the world: memory and entropy. Decides nothing. */
#include "machine_actions.h"

#include <stdio.h>
#include <stdlib.h>

void *machine_alloc(size_t size) {
    return machine_realloc(NULL, size);
}

void *machine_realloc(void *old, size_t size) {
    void *new = old ? realloc(old, size) : calloc(1, size);
    if (!new) {
        fprintf(stderr, "zrelay: out of memory (%zu bytes)\n", size);
        abort();
    }
    return new;
}

action_t *machine_do(machine_t *m, action_kind_t kind) {
    actions_t *actions = &m->actions;
    if (actions->count == actions->size) {
        size_t size = actions->size ? 2 * actions->size : 16;
        action_t *items = machine_alloc(size * sizeof *items);
        for (size_t i = 0; i < actions->count; i++)
            items[i] = actions->items[(actions->head + i) & (actions->size - 1)];
        free(actions->items);
        actions->items = items;
        actions->size = size;
        actions->head = 0;
    }
    action_t *action = &actions->items[(actions->head + actions->count++) & (actions->size - 1)];
    *action = (action_t){.kind = kind};
    return action;
}

bool actions_take(machine_t *m, action_t *action) {
    actions_t *actions = &m->actions;
    if (actions->count == 0)
        return false;
    zr_blob_unref(actions->lent);
    *action = actions->items[actions->head];
    actions->lent = action->owner;
    actions->head = (actions->head + 1) & (actions->size - 1);
    actions->count--;
    return true;
}

void actions_drop(machine_t *m) {
    action_t action;
    while (actions_take(m, &action))
        ;
}

void actions_finish(machine_t *m) {
    actions_drop(m);
    zr_blob_unref(m->actions.lent);
    free(m->actions.items);
}

void actions_drop_sends(machine_t *m) {
    actions_t *actions = &m->actions;
    for (size_t n = actions->count; n > 0; n--) {
        action_t action;
        actions_take(m, &action);
        if (action.kind != ACTION_SEND)
            *machine_do(m, action.kind) = action;
    }
}

void machine_send(machine_t *m, json_t *object) {
    zr_blob_t *frame = zr_control_write(object);
    action_t *action = machine_do(m, ACTION_SEND);
    action->frame = zr_span_of(zr_blob_data(frame), zr_blob_len(frame));
    action->owner = frame;
}

void machine_entropy_hex(machine_t *m, char *out, size_t bytes) {
    uint8_t raw[32];
    m->config.entropy(m->config.entropy_ctx, raw, bytes);
    zr_hex(out, raw, bytes);
}

uint64_t machine_retry_ms(unsigned tries) {
    uint64_t wait = tries ? RETRY_MS : 0;
    for (unsigned i = 1; i < tries && wait < RETRY_MAX_MS; i++)
        wait *= 2;
    return wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS;
}

void machine_ask_alive(machine_t *m) {
    machine_send(m, json_pack("{s:s}", "op", "ping"));
    m->ping_at = m->now + m->heartbeat;
    if (m->pinged == NEVER)
        m->pinged = m->now;
}

/* A broker with another log answers with no-session, and welcome tells the rest; that it be soon. */
void machine_doubt_epoch(machine_t *m) {
    uint64_t wait = m->doubts > 3 ? RETRY_MAX_MS : (uint64_t)m->doubts * DOUBT_MS;
    if (m->state != STATE_LIVE || m->pinged != NEVER || m->now < m->doubted + wait)
        return;
    m->doubted = m->now;
    m->doubts++;
    machine_ask_alive(m);
}
