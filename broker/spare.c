/* See spare.h. */
#include "spare.h"

bool spare_due(spare_t *spare, size_t sessions) {
    bool leaving = sessions < spare->last;
    spare->last = sessions;
    if (sessions > spare->most)
        spare->most = sessions;
    if (leaving || spare->most < sessions + SPARE_SESSIONS || spare->most < 2 * sessions)
        return false;
    spare->most = sessions;
    return true;
}
