/* The nick that a person wants. If somebody else has it, the session goes on under another one. It asks for the nick
 * again, as the owner may be a session that died. */
#ifndef WISH_H
#define WISH_H

#include <stdbool.h>
#include <stdint.h>

#include "names.h"

enum { WISH_FIRST_MS = 2000, WISH_LAST_MS = 60000 }; /* between two attempts; each time twice as long, up to the last */

/* All 0 at first: no nick is wanted. */
typedef struct {
    char nick[ZR_NICK_MAX + 1];
    uint64_t due_ms; /* when to ask for it again; 0: not */
    uint64_t wait_ms;
    bool asking; /* the answer to that is to come */
} wish_t;

void wish_for(wish_t *wish, const char *nick); /* NULL: none */

/* The session is connected, and its nick is `nick`. */
void wish_connected(wish_t *wish, const char *nick, uint64_t now_ms);

/* The session is called `nick` now. If it did not ask for the wanted one, the person chose this. */
void wish_renamed(wish_t *wish, const char *nick);

/* A nick is refused. True: it is the wanted one, asked for again; nobody need be told. */
bool wish_refused(wish_t *wish, const char *nick, uint64_t now_ms);

/* True: it is time to ask for the wanted nick. The caller does so. */
bool wish_due(wish_t *wish, uint64_t now_ms);

/* Does another nick than the wanted one count? */
bool wish_is_open(const wish_t *wish);

#endif
