#include "bench_check.h"

#include <stdlib.h>
#include <string.h>

#include "fatal.h"

void bench_head_write(void *body, const bench_head_t *head) {
    _Static_assert(sizeof *head == BENCH_BODY_MIN, "sender and readers are one program on one machine");
    memcpy(body, head, sizeof *head);
}

void bench_check_init(bench_check_t *check, uint32_t run, const uint64_t *expected, size_t publishers) {
    *check = (bench_check_t){.run = run, .publishers = publishers};
    check->next = fatal_calloc(publishers * sizeof *check->next);
    check->expected = fatal_calloc(publishers * sizeof *check->expected);
    bench_check_expect(check, expected, false);
}

static uint64_t s_left(const bench_check_t *check, size_t publisher) {
    uint64_t next = check->next[publisher], expected = check->expected[publisher];
    return next < expected ? expected - next : 0;
}

void bench_check_expect(bench_check_t *check, const uint64_t *expected, bool open) {
    check->open = open;
    check->left = 0;
    for (size_t i = 0; i < check->publishers; i++) {
        check->expected[i] = expected[i];
        check->left += s_left(check, i);
    }
}

void bench_check_finish(bench_check_t *check) {
    free(check->next);
    free(check->expected);
    *check = (bench_check_t){0};
}

/* A changed order changes the outcome, as the product by an odd number loses nothing. It costs a fraction of a good hash:
 * the benchmark is not to measure itself. */
static uint64_t s_mix(uint64_t digest, uint64_t value) {
    return (digest ^ value) * 0x9e3779b97f4a7c15 + (digest >> 32);
}

/* Of messages of which fewer than `from` were accounted for, those below `to` are, too. */
static void s_account(bench_check_t *check, uint64_t expected, uint64_t from, uint64_t to) {
    to = to < expected ? to : expected;
    check->left -= to > from ? to - from : 0;
}

bool bench_check_entry(bench_check_t *check, uint64_t seq, const void *body, size_t len, uint64_t *due) {
    bench_head_t head;
    if (len >= sizeof head)
        memcpy(&head, body, sizeof head);
    if (len < sizeof head || head.run != check->run || head.publisher >= check->publishers ||
        (head.number >= check->expected[head.publisher] && !check->open)) {
        check->foreign++;
        return false;
    }
    uint64_t *next = &check->next[head.publisher];
    if (seq <= check->last_seq || head.number < *next) {
        check->disordered++;
        return false;
    }
    check->digest = s_mix(check->digest, seq ^ (uint64_t)head.publisher << 40 ^ head.number << 20);
    check->last_seq = seq;
    check->missing += head.number - *next;
    s_account(check, check->expected[head.publisher], *next, head.number + 1);
    *next = head.number + 1;
    check->received++;
    *due = head.due;
    return true;
}

void bench_check_end(bench_check_t *check) {
    check->missing += check->left;
    check->left = 0;
}
