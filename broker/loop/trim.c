/* See trim.h. */
#include "trim.h"

bool trim_due(trim_t *spare, size_t sessions) {
    bool leaving = sessions < spare->last;
    spare->last = sessions;
    if (sessions > spare->most)
        spare->most = sessions;
    if (leaving || spare->most < sessions + TRIM_SESSIONS || spare->most < 2 * sessions)
        return false;
    spare->most = sessions;
    return true;
}
