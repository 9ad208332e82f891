/* The rules that oracles check, read from common/PROTOCOL.md itself: so no oracle is older than the rule it checks. */
#ifndef SPEC_H
#define SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

enum { SPEC_OPS_MAX = 32, SPEC_MEMBERS_MAX = 32, SPEC_ERRORS_MAX = 32, SPEC_CODES_MAX = 64, SPEC_WORD_MAX = 40 };

typedef char spec_word_t[SPEC_WORD_MAX];

typedef struct {
    spec_word_t name;
    json_type type; /* JSON_TRUE: a boolean */
    bool optional;
} spec_member_t;

/* A request and its answer: "### join → joined", the table of the answer, and its "Errors:". */
typedef struct {
    spec_word_t name, answer;
    spec_member_t members[SPEC_MEMBERS_MAX], asked[SPEC_MEMBERS_MAX];
    size_t member_count, asked_count;
    spec_word_t errors[SPEC_ERRORS_MAX];
    size_t error_count;
} spec_op_t;

typedef struct {
    spec_op_t ops[SPEC_OPS_MAX];
    size_t op_count;
    spec_word_t codes[SPEC_CODES_MAX]; /* section 9 */
    size_t code_count;
    spec_word_t reasons[SPEC_ERRORS_MAX]; /* of a broker's bye */
    size_t reason_count;
} spec_t;

/* Read at the first call. Stops the program if the page cannot be read. */
const spec_t *spec(void);
const spec_op_t *spec_op(const char *name); /* NULL: it is missing */

/* The op may be answered with this error: it is among its errors, or any op may be. */
bool spec_may_fail(const spec_op_t *op, const char *code);

/* `object` is an answer to `op` as its table says. NULL, or the member that is missing or of another type. */
const char *spec_wrong_member(const spec_op_t *op, const json_t *object);

/* The page says this, word for word. */
bool spec_says(const char *text);

/* The number of the first row that holds this text, such as "bytes of `token`": of the first cell that begins with a
 * number. Stops the program if the page has no such number. */
unsigned long long spec_limit(const char *text);

#endif
