/* See routes.h. */
#include "routes.h"

#include "refuse.h"

static bool s_fits(const char *pattern, zr_span_t path) {
    zr_span_t whole = zr_span(pattern);
    bool below = whole.ptr[whole.len - 1] == '/';
    return zr_span_equal(path, whole) || (below && zr_span_starts(path, whole));
}

void routes_take(const route_t *routes, size_t count, exchange_t *e) {
    zr_span_t rest = exchange_target(e), path = zr_span_cut(&rest, '?');
    for (size_t i = 0; i < count; i++)
        if (s_fits(routes[i].path, path)) {
            routes[i].handler(routes[i].ctx, e);
            return;
        }
    refuse_with(e, HTTP_NOT_FOUND, "nothing is at this path", NULL, 0);
}
