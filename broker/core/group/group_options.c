/* See group_options.h. */
#include "group_options.h"

#include <stddef.h>

#define AT(member) offsetof(group_options_t, member)

const group_number_t group_numbers[GROUP_NUMBERS] = {
    {"time", AT(time_ms), 100, 24 * 3600000, 30000},
    {"deliveries", AT(deliveries), 1, 1000, 5},
    {"backoff", AT(backoff_ms), 0, 3600000, 1000},
    {"each", AT(each), 1, GROUP_EACH_MAX, 1000},
    {"total", AT(total), 1, GROUP_TOTAL_MAX, 10000},
};

void group_options_default(group_options_t *options) {
    *options = (group_options_t){0};
    for (size_t i = 0; i < GROUP_NUMBERS; i++)
        *group_number(options, &group_numbers[i]) = group_numbers[i].initial;
}

bool group_options_valid(const group_options_t *options) {
    group_options_t copy = *options;
    for (size_t i = 0; i < GROUP_NUMBERS; i++) {
        uint64_t is = *group_number(&copy, &group_numbers[i]);
        if (is < group_numbers[i].least || is > group_numbers[i].most)
            return false;
    }
    return options->dead_len == 0 || zr_room_valid(group_options_dead(options));
}

uint64_t group_backoff_ms(const group_options_t *options, uint64_t deliveries) {
    uint64_t times = 1;
    for (uint64_t i = 1; i < deliveries && times < GROUP_BACKOFF_TIMES; i++)
        times *= 2;
    return options->backoff_ms * times;
}
