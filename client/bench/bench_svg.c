/* The latency distribution as a picture: latency over percentile, both logarithmic, so that each nine more is as wide
 * as the one before. Pure. */
#include <math.h>
#include <stdio.h>

#include "bench.h"
#include "format.h"

enum { WIDTH = 760, HEIGHT = 420, LEFT = 80, RIGHT = 30, TOP = 56, BOTTOM = 56 };
enum { NINES_MAX = 9 };

typedef struct {
    double nines;  /* along the width: -log10(1 - part) */
    int low, high; /* along the height: powers of ten, nanoseconds */
} axes_t;

static double s_x(const axes_t *axes, double nines) {
    return LEFT + nines / axes->nines * (WIDTH - LEFT - RIGHT);
}

static double s_y(const axes_t *axes, double nanoseconds) {
    double power = log10(nanoseconds < 1 ? 1 : nanoseconds);
    return HEIGHT - BOTTOM - (power - axes->low) / (axes->high - axes->low) * (HEIGHT - TOP - BOTTOM);
}

/* A picture is as wide as there are values to tell percentiles by. */
static axes_t s_axes(const histogram_t *latency) {
    axes_t axes = {.nines = ceil(log10((double)(latency->total ? latency->total : 1)))};
    if (axes.nines < 1)
        axes.nines = 1;
    if (axes.nines > NINES_MAX)
        axes.nines = NINES_MAX;
    uint64_t least = histogram_at(latency, 0);
    axes.low = (int)floor(log10((double)(least ? least : 1)));
    axes.high = (int)ceil(log10((double)(latency->most ? latency->most : 1)));
    if (axes.high <= axes.low)
        axes.high = axes.low + 1;
    return axes;
}

/* Names come from the command line. */
static void s_text(zr_buffer_t *out, const char *text) {
    for (; *text; text++)
        switch (*text) {
        case '<':
            zr_buffer_printf(out, "&lt;");
            break;
        case '&':
            zr_buffer_printf(out, "&amp;");
            break;
        default:
            zr_buffer_u8(out, (uint8_t)*text);
        }
}

static void s_latency_label(char *text, size_t size, int power) {
    static const char *const units[] = {"ns", "µs", "ms", "s"};
    int unit = power / 3 > 3 ? 3 : power / 3;
    snprintf(text, size, "%.0f %s", pow(10, power - 3 * unit), units[unit]);
}

static void s_grid(zr_buffer_t *out, const axes_t *axes) {
    for (int power = axes->low; power <= axes->high; power++) {
        double y = s_y(axes, pow(10, power));
        char label[32];
        s_latency_label(label, sizeof label, power);
        zr_buffer_printf(out,
            "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", LEFT,
            y, WIDTH - RIGHT, LEFT - 8, y + 4, label);
    }
    for (int nines = 0; nines <= (int)axes->nines; nines++) {
        double x = s_x(axes, nines);
        zr_buffer_printf(out,
            "<path class=\"grid\" d=\"M%.1f %dV%d\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">", x, TOP,
            HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 20);
        zr_buffer_printf(out, "%.*f %%</text>\n", nines > 2 ? nines - 2 : 0, 100 - 100 * pow(10, -nines));
    }
}

/* Steps: a bucket's value holds from the percentile of the buckets before it up to its own. */
static void s_curve(zr_buffer_t *out, const axes_t *axes, const histogram_t *latency) {
    uint64_t seen = 0;
    for (size_t i = 0; i < HISTOGRAM_BUCKETS && seen < latency->total; i++) {
        if (latency->counts[i] == 0)
            continue;
        uint64_t top = histogram_bucket_top(i);
        double y = s_y(axes, (double)(top < latency->most ? top : latency->most));
        if (seen == 0)
            zr_buffer_printf(out, "<path class=\"curve\" d=\"M%d %.1f", LEFT, y);
        seen += latency->counts[i];
        double nines = seen < latency->total ? -log10(1 - (double)seen / (double)latency->total) : axes->nines;
        zr_buffer_printf(out, "V%.1fH%.1f", y, s_x(axes, nines < axes->nines ? nines : axes->nines));
    }
    zr_buffer_printf(out, "\"/>\n");
}

static void s_marks(zr_buffer_t *out, const axes_t *axes, const histogram_t *latency) {
    static const double parts[] = {0.5, 0.9, 0.99, 0.999};
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        double nines = -log10(1 - parts[i]);
        if (nines > axes->nines)
            return;
        uint64_t value = histogram_at(latency, parts[i]);
        double x = s_x(axes, nines), y = s_y(axes, (double)value), shown = (double)value / 1000;
        zr_buffer_printf(out,
            "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/><text class=\"mark\" x=\"%.1f\" y=\"%.1f\" "
            "text-anchor=\"middle\">%.*f µs</text>\n",
            x, y, x, y - 10, shown < 100 ? 1 : 0, shown);
    }
}

void bench_svg(zr_buffer_t *out, const histogram_t *latency, const char *title) {
    axes_t axes = s_axes(latency);
    zr_buffer_printf(out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
        "font-family=\"sans-serif\" font-size=\"12\">\n"
        "<style>.grid{stroke:#d5d8dc}.curve{stroke:#1565c0;stroke-width:2;fill:none;stroke-linejoin:round}"
        "circle{fill:#1565c0}.mark{fill:#0d47a1;font-weight:bold}text{fill:#37474f}</style>\n"
        "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n<text x=\"%d\" y=\"28\" font-size=\"15\">",
        WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT);
    s_text(out, title);
    zr_buffer_printf(out, "</text>\n");
    s_grid(out, &axes);
    if (latency->total) {
        s_curve(out, &axes, latency);
        s_marks(out, &axes, latency);
    }
    zr_buffer_printf(out,
        "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">of %llu messages, so many came within that "
        "time</text>\n</svg>\n",
        (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 12, (unsigned long long)latency->total);
}
