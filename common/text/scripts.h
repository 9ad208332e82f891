/* Which writing systems a name may mix (Unicode Technical Standard 39, section 5.2). */
#ifndef ZR_SCRIPTS_H
#define ZR_SCRIPTS_H

#include <stdbool.h>

#include "span.h"

/* `text` (valid UTF-8) mixes scripts only as "moderately restrictive" allows, so that no letter passes for one of
 * another script. Allowed are:
 *   - one script alone, whichever it is;
 *   - Latin with the scripts of Japanese, of Korean, or of Chinese (Han and Bopomofo);
 *   - Latin with one other script that UAX 31 recommends, but not with Cyrillic or Greek.
 * Digits, punctuation and emoji belong to no script. */
bool zr_scripts_may_mix(zr_span_t text);

#endif
