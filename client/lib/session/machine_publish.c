/* Published messages, until they are answered (PROTOCOL.md, section 8). Messages are encoded at once, into PUBLISH
 * frames that do not change, in shared chunks. So a resend sends the same bytes. Frames are made anew only on another
 * connection, and only to leave out answered messages or to fit smaller limits. Message ids are dense, so that counting
 * is subtracting; ids that the program leaves out stand among the refused ones. */
#include "machine_publish.h"

#include <stdlib.h>

#include "machine_actions.h"
#include "machine_chunks.h"
#include "machine_events.h"

void publish_init(machine_t *m) {
    m->publish.next_mid = 1;
}

static size_t s_bytes(const pub_t *pub) {
    return pub->len - ZR_PUBLISH_HEAD(pub->room_len);
}

static zr_span_t s_room(const pub_t *pub) {
    return zr_span_of(pub->frame + ZR_PUBLISH_HEAD(0), pub->room_len);
}

static void s_free(machine_t *m, pub_t *pub) {
    m->publish.bytes -= s_bytes(pub);
    if (pub->sent)
        m->publish.flight -= pub->len;
    chunks_release(&m->publish.chunks, pub->chunk);
}

void publish_finish(machine_t *m) {
    publish_t *p = &m->publish;
    for (pub_t *pub = p->first, *next; pub; pub = next) {
        next = pub->next;
        s_free(m, pub);
    }
    chunks_finish(&p->chunks);
    free(p->refused);
}

size_t machine_unacked(const machine_t *m) {
    const publish_t *p = &m->publish;
    return p->next_mid - 1 - p->answered - p->refused_ids;
}

/* --- Frames --- */

static void s_link(publish_t *p, pub_t *pub) {
    pub->next = NULL;
    *(p->first ? &p->last->next : &p->first) = pub;
    p->last = pub;
    if (!p->unsent)
        p->unsent = pub;
}

/* The room that zr_publish_add needs: as if each entry had `expect` and `ttl`. */
static size_t s_room_for(size_t size) {
    return size + 8 + 8;
}

/* A frame that grows beyond its part of the window would stop the publisher until it is answered. */
static size_t s_pack_most(const machine_t *m) {
    size_t most = m->limit_frame < PACK_BYTES ? m->limit_frame : PACK_BYTES, part = m->limit_window / PACK_WINDOWS;
    part = part > FRAME_LIMIT_LEAST ? part : FRAME_LIMIT_LEAST;
    return most < part ? most : part;
}

/* A frame for an entry of `size` bytes, and more. */
static pub_t *s_open(machine_t *m, zr_span_t room, size_t size, uint64_t mid) {
    publish_t *p = &m->publish;
    chunk_t *chunk;
    size_t wanted = ZR_PUBLISH_HEAD(room.len) + s_room_for(size), most = frame_limit(&p->pack, s_pack_most(m));
    /* After a large frame comes another, presumably, which is not to be cut by the end of a chunk. */
    if (p->last && p->last->len > most / 4 && wanted < most)
        wanted = most;
    pub_t *pub = chunks_take(&p->chunks, offsetof(pub_t, frame), wanted, &chunk);
    *pub = (pub_t){.chunk = chunk, .first = mid, .last = mid, .most = (uint32_t)most, .room_len = (uint8_t)room.len};
    zr_buffer_t out = {.data = pub->frame, .size = wanted, .fixed = true};
    zr_publish_begin(&out, room);
    pub->len = (uint32_t)out.len;
    chunks_grow(&p->chunks, out.len);
    s_link(p, pub);
    return pub;
}

static size_t s_pack_count(const machine_t *m) {
    return m->config.pack && m->config.pack < m->limit_entries ? m->config.pack : m->limit_entries;
}

static bool s_last_is_for(const publish_t *p, zr_span_t room) {
    return p->last && zr_span_equal(room, s_room(p->last));
}

/* The frame that `room`'s next entry of `size` bytes goes into: the open one, or a new one. `same`: the last frame is
 * this room's. */
static pub_t *s_frame_for(machine_t *m, zr_span_t room, bool same, size_t size, uint64_t mid) {
    pub_t *pub = m->publish.last;
    bool open = same && !pub->sealed, fits = open && pub->len + size <= pub->most;
    if (fits && pub->count < s_pack_count(m) && s_room_for(size) <= chunks_room(&m->publish.chunks))
        return pub;
    if (open && !fits)
        frame_limit_fill(&m->publish.pack, s_pack_most(m));
    if (pub)
        pub->sealed = true;
    return s_open(m, room, size, mid);
}

static void s_add(machine_t *m, pub_t *pub, const zr_publish_entry_t *entry, size_t size) {
    zr_buffer_t out = {
        .data = pub->frame, .len = pub->len, .size = pub->len + chunks_room(&m->publish.chunks), .fixed = true};
    zr_publish_add(&out, entry);
    chunks_grow(&m->publish.chunks, size);
    pub->len = (uint32_t)out.len;
    pub->last = entry->mid;
    pub->count++;
    m->publish.bytes += size;
}

static size_t s_entry_size(const zr_publish_entry_t *entry) {
    return ZR_PUBLISH_ENTRY_FIXED + (entry->flags & ZR_ENTRY_EXPECT ? 8 : 0) + (entry->flags & ZR_ENTRY_TTL) +
           entry->key.len + entry->body.len;
}

/* One frame may always be under way, more only within the broker's window. Later messages wait here, and are packed. */
static bool s_may_send(const machine_t *m) {
    const publish_t *p = &m->publish;
    const pub_t *pub = p->unsent;
    /* If the DEALER has reconnected, a hello under way may begin a session in the middle of the DEALER's queue. If
     * messages were sent after that hello, the broker would take them first, and then earlier ones for resends. */
    if (m->state != STATE_LIVE || m->hello_id || !pub || m->now < p->pause)
        return false;
    return p->flight == 0 || p->flight + pub->len <= m->limit_window;
}

bool publish_action(machine_t *m, action_t *action) {
    publish_t *p = &m->publish;
    pub_t *pub = p->unsent;
    if (!s_may_send(m))
        return false;
    if (!pub->sealed)
        frame_limit_end_pass(&p->pack, pub->len, s_pack_most(m));
    pub->sealed = pub->sent = true;
    p->flight += pub->len;
    p->unsent = pub->next;
    if (pub->last > p->sent)
        p->sent = pub->last;
    action->kind = ACTION_SEND;
    action->frame = zr_span_of(pub->frame, pub->len);
    action->owner = pub->chunk->blob;
    return true;
}

uint64_t publish_due(const machine_t *m) {
    return m->publish.unsent && m->now < m->publish.pause ? m->publish.pause : NEVER;
}

bool machine_eager(const machine_t *m) {
    const publish_t *p = &m->publish;
    return p->unsent && (p->unsent == p->first || p->unsent->sealed) && s_may_send(m);
}

/* --- Answers --- */

static bool s_answered(const publish_t *p, uint64_t mid) {
    if (mid <= p->answered)
        return true;
    for (size_t i = 0; i < p->refused_count && p->refused[i].first <= mid; i++)
        if (mid <= p->refused[i].last)
            return true;
    return false;
}

/* Ids up to `answered` need no bookkeeping of their own any more. */
static void s_settle(machine_t *m) {
    publish_t *p = &m->publish;
    size_t done = 0;
    for (; done < p->refused_count && p->refused[done].first <= p->answered + 1; done++) {
        range_t *range = &p->refused[done];
        p->refused_ids -= range->last - range->first + 1;
        if (range->last > p->answered)
            p->answered = range->last;
    }
    p->refused_count -= done;
    if (done)
        memmove(p->refused, p->refused + done, p->refused_count * sizeof *p->refused);
    while (p->first && p->first->last <= p->answered) {
        pub_t *pub = p->first;
        p->first = pub->next;
        if (p->last == pub)
            p->last = NULL;
        if (p->unsent == pub)
            p->unsent = pub->next;
        s_free(m, pub);
    }
    size_t left = 0;
    for (size_t i = 0; i < p->cas_count; i++)
        if (!s_answered(p, p->cas[i]))
            p->cas[left++] = p->cas[i];
    p->cas_count = left;
}

void publish_on_ack(machine_t *m, zr_span_t frame) {
    publish_t *p = &m->publish;
    zr_ack_t ack;
    if (!zr_ack_read(&ack, frame) || ack.level > ZR_LEVEL_REPLICATED || ack.upto > p->sent || ack.seq > ZR_INT_MAX) {
        m->malformed++;
        return;
    }
    if (ack.upto <= p->answered)
        return; /* of a resend */
    p->answered = ack.upto;
    s_settle(m);
    events_post(m,
        &(zrelay_event_t){.type = ZRELAY_ACKED, .mid = ack.upto, .seq = ack.seq, .level = (zrelay_level_t)ack.level});
}

/* Marks first … last, which are not answered yet, as refused. */
static void s_refuse(publish_t *p, uint64_t first, uint64_t last) {
    size_t at = p->refused_count;
    while (at > 0 && p->refused[at - 1].first > last)
        at--;
    p->refused_ids += last - first + 1;
    if (at > 0 && p->refused[at - 1].last + 1 == first) {
        p->refused[at - 1].last = last;
        return;
    }
    if (p->refused_count == p->refused_size) {
        p->refused_size = p->refused_size ? 2 * p->refused_size : 16;
        p->refused = machine_realloc(p->refused, p->refused_size * sizeof *p->refused);
    }
    memmove(p->refused + at + 1, p->refused + at, (p->refused_count - at) * sizeof *p->refused);
    p->refused[at] = (range_t){first, last};
    p->refused_count++;
}

/* The next run of unanswered ids from `*from` up to `upto`. */
static bool s_next_unanswered(const publish_t *p, uint64_t *from, uint64_t upto, range_t *run) {
    if (*from <= p->answered)
        *from = p->answered + 1;
    for (size_t i = 0; i < p->refused_count; i++) {
        const range_t *range = &p->refused[i];
        if (range->last < *from)
            continue;
        if (range->first > *from) {
            *run = (range_t){*from, range->first - 1 < upto ? range->first - 1 : upto};
            *from = run->last + 1;
            return run->first <= run->last;
        }
        *from = range->last + 1;
    }
    *run = (range_t){*from, upto};
    *from = upto + 1;
    return run->first <= run->last;
}

void publish_on_error(machine_t *m, const json_t *error) {
    publish_t *p = &m->publish;
    const char *wrong = NULL, *room = json_string_value(json_object_get(error, "room"));
    uint64_t mid = 0, upto;
    range_t run;
    if (zr_has(error, "re"))
        return; /* of a request that a lost connection made us ask again */
    if (!zr_get_uint_opt(error, "mid", 1, &mid, &wrong) || mid > p->sent) {
        m->malformed++;
        return;
    }
    upto = mid;
    const char *code = json_string_value(json_object_get(error, "code"));
    if (mid == 0 && code && strcmp(code, zr_code_name(ZR_RATE_LIMITED)) == 0) {
        /* Nothing is refused. It is told now and then, until we obey: the latest counts. */
        p->pause = m->now + error_wait(error);
        return;
    }
    if (mid == 0 && events_full(m))
        return; /* the program has enough to take already */
    if (mid == 0) {
        events_error(m, error, &(zrelay_event_t){.room = room}); /* about a frame that the broker could not read */
        return;
    }
    if (!zr_get_uint_opt(error, "upto", mid, &upto, &wrong) || upto > p->sent) {
        m->malformed++;
        return;
    }
    while (mid <= upto && s_next_unanswered(p, &mid, upto, &run)) {
        s_refuse(p, run.first, run.last);
        events_error(m, error, &(zrelay_event_t){.room = room, .mid = run.first, .upto = run.last});
    }
    s_settle(m);
}

/* --- Another connection --- */

/* Puts the unanswered entries of `old` into new frames that this broker takes. An entry that is too large for it is
 * refused here: it would close the connection at each attempt. */
static void s_pack_again(machine_t *m, const pub_t *old) {
    publish_t *p = &m->publish;
    zr_publish_reader_t reader;
    zr_publish_entry_t entry;
    size_t count;
    uint64_t first, last;
    zr_span_t room = s_room(old);
    zr_publish_read(&reader, zr_span_of(old->frame, old->len), &count, &first, &last);
    while (zr_publish_next(&reader, &entry)) {
        size_t size = s_entry_size(&entry);
        if (s_answered(p, entry.mid))
            continue;
        if (ZR_PUBLISH_HEAD(room.len) + size <= m->limit_frame && entry.body.len <= m->limit_body) {
            s_add(m, s_frame_for(m, room, s_last_is_for(p, room), size, entry.mid), &entry, size);
            continue;
        }
        char name[ZR_ROOM_MAX + 1] = {0};
        memcpy(name, room.ptr, room.len);
        s_refuse(p, entry.mid, entry.mid);
        events_post(m, &(zrelay_event_t){.type = ZRELAY_REFUSED,
                           .room = name,
                           .mid = entry.mid,
                           .upto = entry.mid,
                           .code = zr_code_name(ZR_TOO_LARGE),
                           .text = zr_code_text(ZR_TOO_LARGE)});
    }
    if (p->last)
        p->last->sealed = true;
}

/* A broker that has forgotten this client would store what it answered once more. */
static bool s_as_it_was(const machine_t *m, const pub_t *pub) {
    const publish_t *p = &m->publish;
    if (pub->first <= p->answered || pub->len > m->limit_frame || pub->count > m->limit_entries)
        return false;
    for (size_t i = 0; i < p->refused_count; i++)
        if (p->refused[i].first <= pub->last && p->refused[i].last >= pub->first)
            return false;
    return true;
}

void publish_welcome(machine_t *m) {
    publish_t *p = &m->publish;
    pub_t *old = p->first;
    p->first = p->last = p->unsent = NULL;
    for (pub_t *next; old; old = next) {
        next = old->next;
        old->sealed = true;
        if (old->sent)
            p->flight -= old->len; /* nothing is under way any more */
        old->sent = false;
        if (s_as_it_was(m, old)) {
            s_link(p, old);
            continue;
        }
        s_pack_again(m, old);
        s_free(m, old);
    }
    s_settle(m);
}

/* --- The program's wishes --- */

int machine_set_ttl(machine_t *m, uint64_t ttl_ms) {
    if (ttl_ms > ZR_INT_MAX)
        return ZRELAY_EINVAL;
    m->publish.ttl = ttl_ms;
    return 0;
}

int machine_set_mid(machine_t *m, uint64_t mid) {
    publish_t *p = &m->publish;
    if (mid < p->next_mid || mid > ZR_INT_MAX)
        return ZRELAY_EINVAL;
    if (mid == p->next_mid)
        return 0;
    s_refuse(p, p->next_mid, mid - 1);
    p->next_mid = mid;
    s_settle(m);
    return 0;
}

/* Of an entry without EXPECT; one with a key may get a time to live. */
size_t machine_body_max(const machine_t *m, zr_span_t room, zr_span_t key) {
    size_t entry = ZR_PUBLISH_ENTRY_FIXED + (key.len ? 8 + key.len : 0), head = ZR_PUBLISH_HEAD(room.len) + entry;
    size_t most = m->limit_frame > head ? m->limit_frame - head : 0;
    size_t queue = m->config.queue_bytes > entry ? m->config.queue_bytes - entry : 0;
    most = most < queue ? most : queue;
    return most < m->limit_body ? most : m->limit_body;
}

int machine_publish(machine_t *m, const char *room, const char *key, uint8_t flags, uint64_t expect, const void *body,
    size_t len, uint64_t *mid) {
    publish_t *p = &m->publish;
    zr_publish_entry_t entry = {.mid = p->next_mid,
        .flags = flags,
        .key = zr_span(key),
        .expect = flags & ZR_ENTRY_EXPECT ? expect : 0,
        .body = zr_span_of(body, len)};
    if (key && !(flags & ZR_ENTRY_DELETE) && p->ttl) {
        entry.flags |= ZR_ENTRY_TTL;
        entry.ttl = p->ttl;
    }
    zr_span_t name = zr_span(room);
    bool same = s_last_is_for(p, name);
    if (!same && !zr_room_valid(name))
        return ZRELAY_EINVAL;
    if ((key || flags) && !zr_key_valid(entry.key))
        return ZRELAY_EINVAL;
    if ((flags & ~(ZR_ENTRY_DELETE | ZR_ENTRY_EXPECT)) || (len && !body) || ((flags & ZR_ENTRY_DELETE) && len) ||
        expect > ZR_INT_MAX)
        return ZRELAY_EINVAL;
    if (m->closing || m->state == STATE_CLOSED || p->next_mid > ZR_INT_MAX)
        return ZRELAY_ESTATE;
    if (len > m->limit_body || ZR_PUBLISH_HEAD(name.len) + s_entry_size(&entry) > m->limit_frame)
        return ZRELAY_ELARGE;
    size_t size = s_entry_size(&entry);
    if (size > m->config.queue_bytes)
        return ZRELAY_ELARGE;
    if (machine_unacked(m) >= m->config.queue_messages || p->bytes > m->config.queue_bytes - size)
        return ZRELAY_EFULL;
    if (entry.flags & ZR_ENTRY_EXPECT) {
        if (p->cas_count >= CAS_WINDOW)
            return ZRELAY_EMANY;
        p->cas[p->cas_count++] = entry.mid;
    }
    s_add(m, s_frame_for(m, name, same, size, entry.mid), &entry, size);
    p->next_mid++;
    if (entry.ttl)
        p->ttl = 0;
    if (mid)
        *mid = entry.mid;
    return 0;
}
