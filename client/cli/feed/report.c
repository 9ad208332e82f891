#include "report.h"

#include <inttypes.h>
#include <stdlib.h>

#include "fatal.h"

void report_finish(report_t *report) {
    for (size_t i = 0; i < report->count; i++)
        free(report->items[i].reason);
    *report = (report_t){0};
}

void report_add(report_t *report, uint64_t first, uint64_t last, zr_span_t reason) {
    report->lines += last - first + 1;
    report_item_t *before = report->count ? &report->items[report->count - 1] : NULL;
    if (before && report->left == 0 && before->last + 1 == first && zr_span_equal(zr_span(before->reason), reason)) {
        before->last = last;
    } else if (report->count < REPORT_MAX) {
        char *copy = fatal_check(strndup(reason.ptr, reason.len));
        report->items[report->count++] = (report_item_t){first, last, copy};
    } else {
        report->left += last - first + 1;
    }
}

void report_item(const report_item_t *item, zr_buffer_t *out) {
    if (item->last > item->first)
        zr_buffer_printf(out, "lines %" PRIu64 "-%" PRIu64 ": %s", item->first, item->last, item->reason);
    else
        zr_buffer_printf(out, "line %" PRIu64 ": %s", item->first, item->reason);
}
