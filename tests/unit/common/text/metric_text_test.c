#include "metric_text.h"

#include "unit.h"

static void s_expect(zr_metrics_format_t format, const char *rows, const char *expected) {
    zr_buffer_t out = {0};
    json_t *metrics = json_loads(rows, 0, NULL);
    ck_assert_ptr_nonnull(metrics);
    zr_metrics_write(&out, format, metrics);
    zr_buffer_u8(&out, '\0');
    ck_assert_str_eq((char *)out.data, expected);
    json_decref(metrics);
    zr_buffer_finish(&out);
}

#define COUNTER "{\"name\":\"a_total\",\"type\":\"counter\",\"help\":\"All.\",\"value\":3}"

TEST(test_the_two_formats) {
    s_expect(ZR_METRICS_PROMETHEUS, "[" COUNTER "]", "# HELP a_total All.\n# TYPE a_total counter\na_total 3\n");
    s_expect(ZR_METRICS_OPEN, "[" COUNTER "]", "# HELP a All.\n# TYPE a counter\na_total 3\n");
    s_expect(ZR_METRICS_OPEN,
        "[{\"name\":\"a_seconds\",\"type\":\"gauge\",\"help\":\"T.\",\"value\":1500000,\"per\":1000000}]",
        "# HELP a_seconds T.\n# TYPE a_seconds gauge\na_seconds 1.500000\n");
    s_expect(ZR_METRICS_OPEN,
        "[{\"name\":\"e_total\",\"type\":\"counter\",\"help\":\"E.\",\"codes\":{\"bad-room\":2,\"x y\":1}}]",
        "# HELP e E.\n# TYPE e counter\ne_total{code=\"bad-room\"} 2\n");
}

/* A broker could send anything. */
TEST(test_rows_that_are_no_metrics) {
    static const char *const rows[] = {"1", "{}", "{\"name\":\"a\",\"type\":\"gauge\"}",
        "{\"name\":\"a\\n\",\"type\":\"gauge\",\"help\":\"\",\"value\":1}",
        "{\"name\":\"a\",\"type\":\"gauge\",\"help\":\"x\\ny 1\",\"value\":1}",
        "{\"name\":\"a\",\"type\":\"counter\",\"help\":\"\",\"value\":1}",
        "{\"name\":\"a_total\",\"type\":\"gauge\",\"help\":\"\",\"value\":1}",
        "{\"name\":\"_total\",\"type\":\"counter\",\"help\":\"\",\"value\":1}"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[200];
        snprintf(text, sizeof text, "[%s," COUNTER "]", rows[i]);
        s_expect(ZR_METRICS_OPEN, text, "# HELP a All.\n# TYPE a counter\na_total 3\n");
    }
    s_expect(ZR_METRICS_OPEN, "{}", "");
}

UNIT_SUITE("common.text.metric_text")
