/* How an access is made of the users file. */
#ifndef ACCESS_BUILD_H
#define ACCESS_BUILD_H

#include "access.h"

/* Makes one without users; access_finish ends the building. The caller owns it until the relay takes it over. */
access_t *access_new(void);

/* `name` is a valid nick, copied. "anonymous" stands for peers on plain listeners that did not log in. The access owns
 * the result. NULL: there is a user of that name already. */
access_user_t *access_add_user(access_t *access, zr_span_t name);

/* The pattern is valid (policy_pattern_fault), copied. RIGHT_ADMIN brings RIGHT_KICK. */
void access_add_rule(access_user_t *user, bool deny, rights_t rights, zr_span_t pattern);
void access_set_banned(access_user_t *user, bool banned);

/* A role that a signed login may name. `name` is a valid nick, copied; rules are added to it as to a user. The access
 * owns the result. NULL: there is a role of that name already. Such roles count only if there is a signer. */
access_user_t *access_add_role(access_t *access, zr_span_t name);

/* The number of a key that signs logins (grant_t). */
void access_add_signer(access_t *access, uint64_t signer);

/* Some listener is plain: any peer that reaches it can read the back without logging in. */
void access_set_plain(access_t *access, bool plain);

/* After the last rule: groups users whose rules are equal, and finds the rules that all have, so that access_common
 * seldom looks at more. */
void access_finish(access_t *access);

#endif
