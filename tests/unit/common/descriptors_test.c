#include "descriptors.h"

#include <fcntl.h>
#include <sys/resource.h>

#include "unit.h"

TEST(test_both_sides_of_the_limit) {
    struct rlimit limit = {.rlim_cur = 48, .rlim_max = 48};
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    int opened[48];
    size_t left = 0;
    while ((opened[left] = open("/dev/null", O_RDONLY)) >= 0)
        left++;
    for (size_t i = 0; i < left; i++)
        close(opened[i]);
    ck_assert_uint_gt(left, 0);
    for (int i = 0; i < 3; i++) { /* it closes what it opened */
        ck_assert(zr_descriptors_left(left));
        ck_assert(!zr_descriptors_left(left + 1));
    }
    ck_assert(zr_descriptors_left(0));
}

UNIT_SUITE("common.descriptors")
