/* Shared by the parts of zrelay bench: the plan, the result, and the modes. cmd_bench.c reads the options and shows the
 * result. bench_run.c, bench_replay.c and bench_connect.c do the work over sessions that bench_pool.c keeps. */
#ifndef BENCH_H
#define BENCH_H

#include "bench_schedule.h"
#include "cli.h"
#include "histogram.h"
#include "target.h"
#include "zrelay.h"

typedef enum {
    BENCH_THROUGHPUT,
    BENCH_LATENCY,
    BENCH_FANOUT,
    BENCH_REPLAY,
    BENCH_CONNECT,
    BENCH_MODES,
} bench_mode_t;

typedef struct {
    bench_mode_t mode;
    bench_schedule_t schedule; /* publishers, rooms, messages, rate */
    uint64_t readers;          /* of each room */
    uint64_t clients;          /* BENCH_CONNECT */
    uint64_t joins;            /* rooms of each of them */
    bool presence;             /* they are present by name, and follow the presence of others */
    bool spread;               /* publishers are at the first server, readers and clients at the others in turn */
    const char *restart;       /* a command that restarts the broker; NULL: it is not restarted */
    uint64_t size;             /* bytes of a message */
    uint64_t unacked;          /* a publisher's messages that may wait for their ack */
    uint64_t ahead;            /* messages that publishers may be ahead of the readers, on an average of these */
    uint64_t io_threads;       /* of libzmq */
    uint64_t quiet_ms;         /* give up after nothing moved for so long */
    uint64_t hold_ms;          /* BENCH_CONNECT: how long all stay before memory is looked at */
    uint64_t broker_pid;       /* 0: not known */
    bool packed;               /* messages share PUBLISH frames; else each has one */
    const char *prefix;        /* of the rooms' names */
    uint32_t run;              /* this run's number, in names and messages */
} bench_plan_t;

typedef struct {
    uint64_t published, acked, refused; /* messages */
    zrelay_level_t level;               /* of the acks */
    double acked_s, delivered_s; /* from the first publish to the last of them; 0: nothing was acked or delivered */
    uint64_t expected, received; /* deliveries */
    uint64_t missing, disordered, foreign;
    bool one_order;                /* the readers of each room saw the same */
    uint64_t gaps, repaired, lost; /* as told by the library */
    uint64_t disconnects;
    histogram_t *latency, *late; /* BENCH_LATENCY: nanoseconds; how late the publishers themselves were */
    uint64_t connected;          /* BENCH_CONNECT */
    double connected_s;
    uint64_t aware; /* with presence: readers that know how many members their room has */
    /* After a restart: clients that have a session again, of those that lost theirs. The times are in seconds since the
     * command ended; 0: not reached. They are: the first and the last client is back; all have seen all messages published until then; all
     * are aware again. */
    uint64_t back;
    double first_back_s, last_back_s, caught_up_s, aware_s;
    uint64_t memory_before, memory_after; /* of the broker, bytes; 0: unknown */
    bool interrupted, quiet;              /* ended before its time: by a signal; because nothing moved */
} bench_result_t;

/* Nothing is missing and all is in order. */
bool bench_whole(const bench_plan_t *plan, const bench_result_t *result);

/* Runs it. 0, or the exit code after telling why there is no result. */
typedef int bench_run_fn(const bench_plan_t *plan, target_t *target, bench_result_t *result);
bench_run_fn bench_run, bench_replay, bench_connect;

/* ROOM of the run, into `name`. */
enum { BENCH_ROOM_SIZE = 160 };
void bench_room_name(const bench_plan_t *plan, uint64_t room, char name[BENCH_ROOM_SIZE]);

/* Nanoseconds of the monotonic clock. */
uint64_t bench_clock(void);

/* --- What is shown: pure --- */

const char *bench_mode_name(bench_mode_t mode);

/* "throughput: 1 publisher, 1 room, 1 reader, 100-byte messages, packed" */
void bench_title(zr_buffer_t *out, const bench_plan_t *plan);

void bench_table(zr_buffer_t *out, const bench_plan_t *plan, const bench_result_t *result);
void bench_json(zr_buffer_t *out, const bench_plan_t *plan, const bench_result_t *result);

/* Latencies by percentile as an SVG picture; `title` is text. */
void bench_svg(zr_buffer_t *out, const histogram_t *latency, const char *title);

#endif
