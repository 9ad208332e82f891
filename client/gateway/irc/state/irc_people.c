/* See irc_people.h. */
#include "irc_people.h"

#include "fatal.h"
#include "hash.h"

typedef struct {
    size_t here, users; /* clients; those of them that logged in */
    UT_hash_handle hh;
    size_t len;
    char nick[];
} person_t;

typedef struct {
    void *client;
    UT_hash_handle hh;
} watcher_t;

struct irc_people {
    person_t *all;
    watcher_t *watchers, *cursor;
    irc_people_fn *changed;
    size_t count, most;
};

irc_people_t *irc_people_new(irc_people_fn *changed) {
    irc_people_t *people = fatal_calloc(sizeof *people);
    people->changed = changed;
    return people;
}

void irc_people_destroy(irc_people_t *people) {
    if (!people)
        return;
    FATAL_UNLESS(!people->all && !people->watchers);
    free(people);
}

static person_t *s_find(const irc_people_t *people, zr_span_t nick) {
    person_t *person;
    HASH_FIND(hh, people->all, nick.ptr, nick.len, person);
    return person;
}

/* A client may end its watch within the call. */
static void s_tell(irc_people_t *people, zr_span_t nick) {
    for (watcher_t *at = people->watchers; at; at = people->cursor) {
        people->cursor = at->hh.next;
        people->changed(at->client, nick);
    }
    people->cursor = NULL;
}

void irc_people_come(irc_people_t *people, zr_span_t nick, bool user) {
    person_t *person = s_find(people, nick);
    if (!person) {
        person = fatal_calloc(sizeof *person + nick.len);
        person->len = nick.len;
        memcpy(person->nick, nick.ptr, nick.len);
        HASH_ADD_KEYPTR(hh, people->all, person->nick, person->len, person);
    }
    person->here++;
    person->users += user;
    people->count++;
    people->most = people->count > people->most ? people->count : people->most;
    if (person->here == 1)
        s_tell(people, nick);
}

void irc_people_go(irc_people_t *people, zr_span_t nick, bool user) {
    person_t *person = s_find(people, nick);
    FATAL_UNLESS(person);
    person->users -= user;
    people->count--;
    if (--person->here > 0)
        return;
    HASH_DEL(people->all, person);
    free(person);
    s_tell(people, nick);
}

bool irc_people_here(const irc_people_t *people, zr_span_t nick) {
    return s_find(people, nick) != NULL;
}

bool irc_people_is_user(const irc_people_t *people, zr_span_t nick) {
    person_t *person = s_find(people, nick);
    return person && person->users > 0;
}

size_t irc_people_count(const irc_people_t *people) {
    return people->count;
}

size_t irc_people_most(const irc_people_t *people) {
    return people->most;
}

void irc_people_watch(irc_people_t *people, void *client, bool on) {
    watcher_t *watcher;
    HASH_FIND_PTR(people->watchers, &client, watcher);
    if (on && !watcher) {
        watcher = fatal_calloc(sizeof *watcher);
        watcher->client = client;
        HASH_ADD_PTR(people->watchers, client, watcher);
    } else if (!on && watcher) {
        if (people->cursor == watcher)
            people->cursor = watcher->hh.next;
        HASH_DEL(people->watchers, watcher);
        free(watcher);
    }
}
