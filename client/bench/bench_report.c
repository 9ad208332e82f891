/* The result of a benchmark as a table and as JSON. Pure. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "format.h"
#include "names.h"
#include "wire.h"

static const struct {
    const char *name;
    double part;
} s_percentiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}};
enum { PERCENTILES = sizeof s_percentiles / sizeof s_percentiles[0] };

const char *bench_mode_name(bench_mode_t mode) {
    static const char *const names[BENCH_MODES] = {
        [BENCH_THROUGHPUT] = "throughput",
        [BENCH_LATENCY] = "latency",
        [BENCH_FANOUT] = "fanout",
        [BENCH_REPLAY] = "replay",
        [BENCH_CONNECT] = "connect",
    };
    return names[mode];
}

static uint64_t s_readers(const bench_plan_t *plan) {
    return plan->mode == BENCH_CONNECT ? plan->clients * plan->joins : plan->readers * plan->schedule.rooms;
}

/* Did all clients connect, and come back after a restart? Nothing may be lost for good either: a client with a loss may
 * not have been told of later messages. */
static bool s_all_there(const bench_plan_t *plan, const bench_result_t *result) {
    return result->connected == plan->clients && (!plan->presence || result->aware == s_readers(plan)) &&
           (!plan->restart || ((plan->spread ? result->back > 0 : result->back == plan->clients) && result->lost == 0));
}

bool bench_whole(const bench_plan_t *plan, const bench_result_t *result) {
    return !result->interrupted && !result->quiet && result->missing == 0 && result->disordered == 0 &&
           result->foreign == 0 && result->one_order && result->refused == 0 && result->received == result->expected &&
           result->acked == result->published && (plan->mode != BENCH_CONNECT || s_all_there(plan, result));
}

void bench_room_name(const bench_plan_t *plan, uint64_t room, char name[BENCH_ROOM_SIZE]) {
    snprintf(name, BENCH_ROOM_SIZE, "%s/%08" PRIx32 "/%" PRIu64, plan->prefix, plan->run, room);
}

/* --- Text --- */

/* "1 room", "2 rooms" */
static void s_count(zr_buffer_t *out, uint64_t count, const char *what) {
    zr_buffer_printf(out, "%" PRIu64 " %s%s", count, what, count == 1 ? "" : "s");
}

void bench_title(zr_buffer_t *out, const bench_plan_t *plan) {
    zr_buffer_printf(out, "%s: ", bench_mode_name(plan->mode));
    if (plan->mode == BENCH_CONNECT) {
        s_count(out, plan->clients, "client");
        zr_buffer_printf(out, ", ");
        s_count(out, plan->schedule.rooms, "room");
        zr_buffer_printf(out, ", %s members of %" PRIu64 " each", plan->presence ? "named" : "silent", plan->joins);
        if (plan->restart)
            zr_buffer_printf(out, ", restarted under %" PRIu64 "/s", plan->schedule.rate);
        return;
    }
    s_count(out, plan->schedule.publishers, "publisher");
    zr_buffer_printf(out, ", ");
    s_count(out, plan->schedule.rooms, "room");
    zr_buffer_printf(out, ", ");
    s_count(out, plan->readers, "reader");
    zr_buffer_printf(out, "%s, %" PRIu64 "-byte messages, %s", plan->schedule.rooms > 1 ? " each" : "", plan->size,
        plan->packed ? "packed" : "one a frame");
    if (plan->schedule.rate)
        zr_buffer_printf(out, ", %" PRIu64 "/s", plan->schedule.rate);
}

static double s_rate(uint64_t count, double seconds) {
    return seconds > 0 ? (double)count / seconds : 0;
}

static void s_row(zr_buffer_t *out, const char *name, uint64_t count, double seconds) {
    zr_buffer_printf(out, "  %-10s %12" PRIu64, name, count);
    if (seconds > 0)
        zr_buffer_printf(out, " %14.0f/s", s_rate(count, seconds));
}

/* Microseconds with the digits that matter. */
static void s_microseconds(zr_buffer_t *out, uint64_t nanoseconds) {
    double value = (double)nanoseconds / 1000;
    zr_buffer_printf(out, "%.*f µs", value < 100 ? 1 : 0, value);
}

static void s_latencies(zr_buffer_t *out, const char *name, const histogram_t *histogram) {
    zr_buffer_printf(out, "  %-10s", name);
    for (size_t i = 0; i < PERCENTILES; i++) {
        zr_buffer_printf(out, " %s ", s_percentiles[i].name);
        s_microseconds(out, histogram_at(histogram, s_percentiles[i].part));
        zr_buffer_printf(out, " ·");
    }
    zr_buffer_printf(out, " max ");
    s_microseconds(out, histogram->most);
    zr_buffer_printf(out, "\n");
}

static uint64_t s_memory_each(const bench_plan_t *plan, const bench_result_t *result) {
    if (result->memory_after <= result->memory_before || plan->clients == 0)
        return 0;
    return (result->memory_after - result->memory_before) / plan->clients;
}

static void s_connect_rows(zr_buffer_t *out, const bench_plan_t *plan, const bench_result_t *result) {
    s_row(out, "connected", result->connected, result->connected_s);
    zr_buffer_printf(out, "  (two connections each)\n  %-10s ", "memory");
    if (result->memory_before == 0)
        zr_buffer_printf(out, "unknown: --broker-pid names a broker on this machine\n");
    else
        zr_buffer_printf(out, "%.1f KB a client in the broker (%.1f MB before, %.1f MB after)\n",
            (double)s_memory_each(plan, result) / 1024, (double)result->memory_before / 1048576,
            (double)result->memory_after / 1048576);
    if (plan->presence)
        zr_buffer_printf(out, "  %-10s at %" PRIu64 " of ", "presence", result->aware);
    if (plan->presence) {
        s_count(out, s_readers(plan), "reader");
        zr_buffer_printf(out, " the count of its room's members is right\n");
    }
}

/* " 1.234 s", or that it was not reached. */
static void s_moment(zr_buffer_t *out, const char *what, double seconds) {
    if (seconds > 0)
        zr_buffer_printf(out, ", %s after %.3f s", what, seconds);
    else
        zr_buffer_printf(out, ", %s never", what);
}

static void s_restart_row(zr_buffer_t *out, const bench_plan_t *plan, const bench_result_t *result) {
    zr_buffer_printf(out, "  %-10s %12" PRIu64 " back", "restart", result->back);
    s_moment(out, "the first", result->first_back_s);
    s_moment(out, "the last", result->last_back_s);
    s_moment(out, "all caught up", result->caught_up_s);
    if (plan->presence)
        s_moment(out, "presence told", result->aware_s);
    zr_buffer_printf(out, "\n");
}

static void s_verdict(zr_buffer_t *out, const bench_plan_t *plan, const bench_result_t *result) {
    uint64_t readers = s_readers(plan);
    if (bench_whole(plan, result)) {
        if (readers == 0) {
            zr_buffer_printf(out, "  %-10s no readers; every message is acked\n", "verified");
            return;
        }
        zr_buffer_printf(out, "  %-10s count and order at ", "verified");
        s_count(out, readers, "reader");
        zr_buffer_printf(out, ": nothing missing, nothing out of order\n");
        return;
    }
    zr_buffer_printf(out,
        "  %-10s %" PRIu64 " missing, %" PRIu64 " out of order, %" PRIu64 " not understood, %" PRIu64
        " refused, %" PRIu64 " not acked%s%s%s\n",
        "NOT WHOLE", result->missing, result->disordered, result->foreign, result->refused,
        result->published - result->acked, result->one_order ? "" : ", readers saw different orders",
        result->interrupted ? "; interrupted" : "", result->quiet ? "; gave up waiting" : "");
}

static void s_rooms(zr_buffer_t *out, const bench_plan_t *plan) {
    char name[BENCH_ROOM_SIZE];
    bench_room_name(plan, 0, name);
    zr_buffer_printf(out, "  %-10s %s", "left", name);
    if (plan->schedule.rooms > 1) {
        bench_room_name(plan, plan->schedule.rooms - 1, name);
        zr_buffer_printf(out, " … %s", name);
    }
    zr_buffer_printf(out, "\n");
}

void bench_table(zr_buffer_t *out, const bench_plan_t *plan, const bench_result_t *result) {
    bench_title(out, plan);
    zr_buffer_printf(out, "\n");
    if (plan->mode == BENCH_CONNECT)
        s_connect_rows(out, plan, result);
    if (plan->restart)
        s_restart_row(out, plan, result);
    if (result->published) {
        s_row(out, "acked", result->acked, result->acked_s);
        zr_buffer_printf(out, "  (%s)\n", result->acked ? zr_level_name((zr_level_t)result->level) : "none");
    }
    if (result->expected) {
        s_row(out, plan->mode == BENCH_REPLAY ? "replayed" : "delivered", result->received, result->delivered_s);
        if (result->delivered_s > 0)
            zr_buffer_printf(out, "  %.1f MB/s", s_rate(result->received * plan->size, result->delivered_s) / 1e6);
        zr_buffer_printf(out, "\n");
    }
    if (result->latency && result->latency->total) {
        s_latencies(out, "latency", result->latency);
        s_latencies(out, "sent late", result->late);
    }
    s_verdict(out, plan, result);
    s_rooms(out, plan);
    if (result->gaps || result->repaired || result->lost || result->disconnects)
        zr_buffer_printf(out,
            "  %-10s %" PRIu64 " gaps seen, %" PRIu64 " repaired, %" PRIu64 " lost for good, %" PRIu64
            " connections lost\n",
            "repairs", result->gaps, result->repaired, result->lost, result->disconnects);
}

/* --- JSON --- */

static void s_set(json_t *object, const char *name, uint64_t value) {
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

static void s_set_real(json_t *object, const char *name, double value) {
    json_object_set_new(object, name, json_real(value));
}

static json_t *s_latencies_json(const histogram_t *histogram) {
    json_t *object = json_object();
    for (size_t i = 0; i < PERCENTILES; i++)
        s_set_real(object, s_percentiles[i].name, (double)histogram_at(histogram, s_percentiles[i].part) / 1000);
    s_set_real(object, "max", (double)histogram->most / 1000);
    return object;
}

/* Moments that were not reached are null. */
static json_t *s_restart_json(const bench_result_t *result) {
    const struct {
        const char *name;
        double seconds;
    } moments[] = {
        {"first_back_s", result->first_back_s},
        {"last_back_s", result->last_back_s},
        {"caught_up_s", result->caught_up_s},
        {"aware_s", result->aware_s},
    };
    json_t *object = json_object();
    s_set(object, "back", result->back);
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++)
        json_object_set_new(
            object, moments[i].name, moments[i].seconds > 0 ? json_real(moments[i].seconds) : json_null());
    return object;
}

static void s_set_connect(json_t *object, const bench_plan_t *plan, const bench_result_t *result) {
    s_set(object, "clients", plan->clients);
    s_set(object, "connected", result->connected);
    s_set_real(object, "connected_s", result->connected_s);
    s_set_real(object, "connected_per_s", s_rate(result->connected, result->connected_s));
    if (result->memory_before)
        s_set(object, "memory_per_client", s_memory_each(plan, result));
    else
        json_object_set_new(object, "memory_per_client", json_null());
    s_set(object, "joins", plan->joins);
    json_object_set_new(object, "aware", plan->presence ? json_integer((json_int_t)result->aware) : json_null());
    if (plan->restart)
        json_object_set_new(object, "restart", s_restart_json(result));
}

void bench_json(zr_buffer_t *out, const bench_plan_t *plan, const bench_result_t *result) {
    json_t *object = json_object();
    char name[BENCH_ROOM_SIZE];
    json_object_set_new(object, "mode", json_string(bench_mode_name(plan->mode)));
    if (plan->mode == BENCH_CONNECT)
        s_set_connect(object, plan, result);
    s_set(object, "publishers", plan->schedule.publishers);
    s_set(object, "rooms", plan->schedule.rooms);
    bench_room_name(plan, 0, name);
    json_object_set_new(object, "first_room", json_string(name));
    s_set(object, "readers", plan->readers);
    s_set(object, "size", plan->size);
    s_set(object, "rate", plan->schedule.rate);
    json_object_set_new(object, "batch", json_boolean(plan->packed));
    s_set(object, "published", result->published);
    s_set(object, "acked", result->acked);
    s_set_real(object, "acked_s", result->acked_s);
    s_set_real(object, "acked_per_s", s_rate(result->acked, result->acked_s));
    json_object_set_new(
        object, "level", result->acked ? json_string(zr_level_name((zr_level_t)result->level)) : json_null());
    s_set(object, "expected", result->expected);
    s_set(object, "received", result->received);
    s_set_real(object, "delivered_s", result->delivered_s);
    s_set_real(object, "delivered_per_s", s_rate(result->received, result->delivered_s));
    if (result->latency) {
        json_object_set_new(object, "latency_us", s_latencies_json(result->latency));
        json_object_set_new(object, "sent_late_us", s_latencies_json(result->late));
    }
    s_set(object, "missing", result->missing);
    s_set(object, "disordered", result->disordered);
    s_set(object, "foreign", result->foreign);
    s_set(object, "refused", result->refused);
    s_set(object, "gaps", result->gaps);
    s_set(object, "repaired", result->repaired);
    s_set(object, "lost", result->lost);
    s_set(object, "disconnects", result->disconnects);
    json_object_set_new(object, "one_order", json_boolean(result->one_order));
    json_object_set_new(object, "interrupted", json_boolean(result->interrupted));
    json_object_set_new(object, "gave_up", json_boolean(result->quiet));
    json_object_set_new(object, "whole", json_boolean(bench_whole(plan, result)));
    format_json(out, object);
}
