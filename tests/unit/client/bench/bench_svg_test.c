#include "bench.h"
#include "unit.h"

static histogram_t s_latency;
static zr_buffer_t s_out;

static const char *s_draw(const char *title) {
    zr_buffer_clear(&s_out);
    bench_svg(&s_out, &s_latency, title);
    zr_buffer_u8(&s_out, '\0');
    return (const char *)s_out.data;
}

#define HAS(text, part) ck_assert_msg(strstr(text, part), "no '%s'", part)
#define HAS_NOT(text, part) ck_assert_msg(!strstr(text, part), "'%s' is there", part)

TEST(test_a_picture) {
    for (uint64_t i = 1; i <= 1000; i++)
        histogram_add(&s_latency, i * 1000);
    const char *text = s_draw("a title");
    HAS(text, ">a title</text>");
    HAS(text, ">1 µs</text>");
    HAS(text, ">1 ms</text>");
    HAS_NOT(text, ">10 ms</text>");
    HAS(text, ">0 %</text>");
    HAS(text, ">90 %</text>");
    HAS(text, ">99.9 %</text>");
    HAS_NOT(text, ">99.99 %</text>");
    HAS(text, "class=\"curve\" d=\"M80 "); /* begins at the left edge */
    HAS(text, ">502 µs</text>");           /* the median, within a bucket */
    HAS(text, "</svg>\n");
    HAS_NOT(text, "nan");
    HAS_NOT(text, "inf");
}

TEST(test_one_value_and_none) {
    HAS_NOT(s_draw(""), "class=\"curve\" d");
    histogram_add(&s_latency, 0);
    const char *text = s_draw("");
    HAS(text, "class=\"curve\" d");
    HAS_NOT(text, "nan");
    HAS_NOT(text, "inf");
}

TEST(test_text_is_escaped) {
    const char *text = s_draw("<&>");
    HAS(text, "&lt;&amp;>");
}

UNIT_SUITE("client.cli.bench_svg")
