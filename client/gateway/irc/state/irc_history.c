/* See irc_history.h. */
#include "irc_history.h"

#include <stdio.h>

#include "control.h"
#include "fatal.h"
#include "irc_ask.h"
#include "irc_out.h"
#include "irc_render.h"
#include "irc_room.h"
#include "irc_time.h"
#include "irc_window.h"

#define MS_US 1000ULL

/* A slice that is read. `last` or `after` is used; `floor`: nothing up to there is shown. */
typedef struct {
    uint64_t last, after, until, limit, floor;
} part_t;

typedef enum { STEP_HEAD, STEP_SEEK, STEP_READ } step_t;

typedef struct {
    irc_history_t wish;
    irc_name_t channel;
    irc_reference_t reference;
    step_t step;
    size_t ref;         /* which of wish.refs is looked for */
    bool reversed;      /* BETWEEN a later message and an earlier one */
    uint64_t low, high; /* of the search: entries up to `low` are before the moment, those after `high` are not */
    uint64_t moment, head;
    uint64_t seq, time; /* of the first entry of a slice; 0: it has none */
    part_t parts[2];
    size_t part, part_count;
    uint64_t shown;      /* the entries of this part so far */
    irc_window_t window; /* of this part */
} fetch_t;

static void s_fail(irc_t *irc, const fetch_t *fetch, const char *code, const char *text) {
    irc_standard(irc, "FAIL", "CHATHISTORY", code, text, fetch->wish.subcommand, fetch->channel.text, NULL);
}

/* --- Which entries --- */

static uint64_t s_before(irc_ref_t ref) {
    return ref.kind == IRC_REF_SEQ && ref.value > 0 ? ref.value - 1 : ref.value;
}

static void s_add_part(fetch_t *fetch, part_t part) {
    if (part.until > part.after && part.until > part.floor && (part.last || part.limit))
        fetch->parts[fetch->part_count++] = part;
}

/* A moment was replaced by the last seq before it. */
static void s_plan(fetch_t *fetch) {
    const irc_history_t *wish = &fetch->wish;
    irc_ref_t a = wish->refs[0], b = wish->refs[1];
    uint64_t half = wish->limit / 2;
    switch (wish->span) {
    case IRC_BEFORE:
        s_add_part(fetch, (part_t){.last = wish->limit, .until = s_before(a)});
        break;
    case IRC_AFTER:
        s_add_part(fetch, (part_t){.after = a.value, .until = ZR_INT_MAX, .limit = wish->limit});
        break;
    case IRC_LATEST:
        s_add_part(fetch, (part_t){.last = wish->limit, .until = ZR_INT_MAX, .floor = a.value});
        break;
    case IRC_AROUND:
        s_add_part(fetch, (part_t){.last = half, .until = s_before(a)});
        s_add_part(fetch, (part_t){.after = s_before(a), .until = ZR_INT_MAX, .limit = wish->limit - half});
        break;
    case IRC_BETWEEN:
        if (a.value <= b.value)
            s_add_part(fetch, (part_t){.after = a.value, .until = s_before(b), .limit = wish->limit});
        else
            s_add_part(fetch, (part_t){.last = wish->limit, .until = s_before(a), .floor = b.value});
        break;
    }
}

/* --- Steps --- */

static json_t *s_replay(const irc_ask_t *ask) {
    return json_pack("{s:s,s:s}", "op", "replay", "room", ask->room);
}

static void s_put(json_t *object, const char *name, uint64_t value) {
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

static json_t *s_question(const irc_ask_t *ask) {
    fetch_t *fetch = ask->data;
    json_t *object = s_replay(ask);
    const part_t *part = &fetch->parts[fetch->part];
    fetch->seq = fetch->time = 0;
    if (fetch->step == STEP_HEAD)
        s_put(object, "last", 1);
    else if (fetch->step == STEP_SEEK) {
        s_put(object, "after", fetch->low + (fetch->high - fetch->low) / 2);
        s_put(object, "limit", 1);
    } else {
        s_put(object, part->last ? "last" : "after", part->last ? part->last : part->after);
        if (part->limit)
            s_put(object, "limit", part->limit);
        if (part->until < ZR_INT_MAX)
            s_put(object, "until", part->until);
    }
    return object;
}

/* Entries after a moment have another millisecond: clients know no more of the time. */
static bool s_begin_seek(fetch_t *fetch) {
    const irc_history_t *wish = &fetch->wish;
    for (; fetch->ref < 2; fetch->ref++) {
        irc_ref_t *ref = &fetch->wish.refs[fetch->ref];
        if (ref->kind != IRC_REF_TIME)
            continue;
        bool begins = wish->span == IRC_AFTER || wish->span == IRC_LATEST ||
                      (wish->span == IRC_BETWEEN && (fetch->ref == 0) != fetch->reversed);
        fetch->moment = ref->value + (begins ? MS_US : 0);
        fetch->low = 0;
        fetch->high = fetch->head;
        if (fetch->low < fetch->high)
            return true;
        ref->value = 0;
    }
    return false;
}

static void s_end(irc_t *irc, irc_ask_t *ask) {
    fetch_t *fetch = ask->data;
    irc_batch_open(irc, &fetch->reference, "chathistory", fetch->channel.text);
    irc_put_lines(irc, zr_span_of(ask->lines.data, ask->lines.len));
    irc_batch_close(irc, &fetch->reference);
}

/* Goes on with the next step; false: all is read. */
static bool s_next(fetch_t *fetch, size_t begin) {
    if (fetch->step != STEP_READ) {
        fetch->step = s_begin_seek(fetch) ? STEP_SEEK : STEP_READ;
        if (fetch->step == STEP_READ)
            s_plan(fetch);
    } else {
        fetch->part++;
        fetch->shown = 0;
    }
    if (fetch->step == STEP_SEEK)
        return true;
    if (fetch->part == fetch->part_count)
        return false;
    fetch->window = (irc_window_t){
        .newest = fetch->parts[fetch->part].last > 0, .most = IRC_HISTORY_BYTES / fetch->part_count, .begin = begin};
    return true;
}

static bool s_sought(fetch_t *fetch) {
    uint64_t middle = fetch->low + (fetch->high - fetch->low) / 2;
    if (fetch->seq && fetch->time < fetch->moment)
        fetch->low = fetch->seq;
    else
        fetch->high = middle;
    if (fetch->low < fetch->high)
        return false;
    fetch->wish.refs[fetch->ref++] = (irc_ref_t){IRC_REF_NONE, fetch->low};
    return true;
}

/* A slice of the broker may end early. */
static bool s_read_on(fetch_t *fetch, const json_t *answer) {
    part_t *part = &fetch->parts[fetch->part];
    uint64_t wanted = part->last ? part->last : part->limit, seq = irc_answer_number(answer, "seq");
    if (!json_is_true(json_object_get(answer, "more")) || fetch->shown >= wanted || fetch->window.full ||
        seq >= part->until)
        return false;
    *part = (part_t){.after = seq, .until = part->until, .limit = wanted - fetch->shown, .floor = part->floor};
    fetch->shown = 0;
    return true;
}

static void s_on_answer(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    fetch_t *fetch = ask->data;
    if (!irc_answer_is(answer, "replayed")) {
        bool forbidden = irc_answer_failed(answer, ZR_FORBIDDEN);
        s_fail(irc, fetch, forbidden ? "INVALID_TARGET" : "MESSAGE_ERROR",
            forbidden ? "you may not read that channel"
            : answer  ? irc_answer_text(answer, "text")
                      : "the broker is away; try again once it is back");
        return;
    }
    if (fetch->step == STEP_HEAD)
        fetch->head = irc_answer_number(answer, "seq");
    bool same =
        (fetch->step == STEP_SEEK && !s_sought(fetch)) || (fetch->step == STEP_READ && s_read_on(fetch, answer));
    if (same || s_next(fetch, ask->lines.len))
        irc_ask_again(irc, ask, s_question(ask));
    else
        s_end(irc, ask);
}

static void s_show(fetch_t *fetch, zr_buffer_t *lines, const irc_view_t *view, const zr_entry_t *entry) {
    size_t at = lines->len;
    irc_render_entry(lines, view, entry);
    irc_window_add(&fetch->window, lines, at);
}

static void s_on_frame(irc_t *irc, irc_ask_t *ask, delivery_t *delivery) {
    fetch_t *fetch = ask->data;
    irc_view_t view = irc_view_of(irc, zr_span(fetch->channel.text), delivery->epoch);
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    view.batch = fetch->reference.text[0] ? fetch->reference.text : NULL;
    zr_deliver_read(&reader, delivery->frame);
    while (zr_deliver_next(&reader, &entry)) {
        if (!fetch->seq) {
            fetch->seq = entry.seq;
            fetch->time = entry.time;
        }
        fetch->shown++;
        if (fetch->step == STEP_READ && entry.seq > fetch->parts[fetch->part].floor && irc_entry_is_message(&entry))
            s_show(fetch, &ask->lines, &view, &entry);
    }
}

void irc_history_show(irc_t *irc, zr_span_t room, const irc_name_t *channel, const irc_history_t *history) {
    irc_ask_t *ask = irc_ask_new(irc, s_on_answer, s_on_frame, room);
    const irc_ref_t *a = &history->refs[0], *b = &history->refs[1];
    fetch_t *fetch = ask->data = fatal_calloc(sizeof *fetch);
    fetch->wish = *history;
    fetch->reversed = a->kind == b->kind && a->value > b->value;
    fetch->channel = *channel;
    fetch->reference = irc_batch_new(irc);
    fetch->step = STEP_HEAD; /* it shows whether the room may be read, too */
    irc_ask_send(irc, ask, s_question(ask));
}

/* --- TARGETS --- */

typedef struct {
    char room[ZR_ROOM_MAX + 1];
    uint64_t time; /* of its last message; 0: it has none */
} target_t;

typedef struct {
    uint64_t from, to, limit;
    size_t next, count;
    target_t targets[];
} search_t;

static int s_by_time(const void *a, const void *b) {
    const target_t *one = a, *two = b;
    return (one->time > two->time) - (one->time < two->time);
}

static void s_show_targets(irc_t *irc, search_t *search) {
    irc_reference_t reference = irc_batch_new(irc);
    qsort(search->targets, search->count, sizeof search->targets[0], s_by_time);
    irc_batch_open(irc, &reference, "draft/chathistory-targets", NULL);
    for (size_t i = 0; i < search->count && search->limit > 0; i++) {
        const target_t *target = &search->targets[i];
        char time[IRC_TIME_TEXT];
        irc_name_t channel;
        if (target->time <= search->from || target->time >= search->to ||
            !irc_channel_of(zr_span(target->room), &channel))
            continue;
        irc_time_write(time, target->time);
        irc_begin(irc, NULL, 0, "CHATHISTORY");
        if (reference.text[0])
            irc_tag(irc, "batch", zr_span(reference.text));
        irc_middle(irc, "TARGETS");
        irc_middle(irc, channel.text);
        irc_middle(irc, time);
        irc_end(irc);
        search->limit--;
    }
    irc_batch_close(irc, &reference);
}

static void s_look(irc_ask_t *ask, search_t *search) {
    snprintf(ask->room, sizeof ask->room, "%s", search->targets[search->next].room);
}

static void s_on_target(irc_t *irc, irc_ask_t *ask, const json_t *answer) {
    search_t *search = ask->data;
    if (!answer) {
        irc_standard(irc, "FAIL", "CHATHISTORY", "MESSAGE_ERROR", "the broker is away; try again once it is back",
            "TARGETS", "*", NULL);
        return;
    }
    if (++search->next == search->count) {
        s_show_targets(irc, search);
        return;
    }
    s_look(ask, search);
    json_t *object = s_replay(ask);
    s_put(object, "last", 1);
    irc_ask_again(irc, ask, object);
}

static void s_on_target_frame(irc_t *irc, irc_ask_t *ask, delivery_t *delivery) {
    search_t *search = ask->data;
    zr_deliver_reader_t reader;
    zr_entry_t entry;
    (void)irc;
    zr_deliver_read(&reader, delivery->frame);
    while (zr_deliver_next(&reader, &entry))
        search->targets[search->next].time = entry.time;
}

void irc_history_targets(irc_t *irc, uint64_t from, uint64_t to, uint64_t limit) {
    size_t count = HASH_COUNT(irc->rooms);
    search_t *search = fatal_calloc(sizeof *search + (count + 1) * sizeof search->targets[0]);
    *search = (search_t){.from = from < to ? from : to, .to = from < to ? to : from, .limit = limit, .count = count};
    for (irc_room_t *room = irc->rooms; room; room = room->hh.next)
        strcpy(search->targets[search->next++].room, room->name);
    search->next = 0;
    if (count == 0) {
        s_show_targets(irc, search);
        free(search);
        return;
    }
    irc_ask_t *ask = irc_ask_new(irc, s_on_target, s_on_target_frame, zr_span(""));
    ask->data = search;
    s_look(ask, search);
    json_t *object = s_replay(ask);
    s_put(object, "last", 1);
    irc_ask_send(irc, ask, object);
}
