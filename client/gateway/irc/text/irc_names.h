/* Names of zrelay as IRC spells them, and back. Pure.
 *
 * The room `lobby` is the channel `#lobby`, and a nick is itself. Characters that IRC cannot take are written as % and
 * two hex digits: "a,b" is "#a%2Cb". A % before two hex digits that would be read so is %25. The case of letters
 * counts for the broker; CASEMAPPING=ascii tells clients to show `#Foo` and `#foo` as one, so a client may be in one of
 * them only. */
#ifndef IRC_NAMES_H
#define IRC_NAMES_H

#include "names.h"

enum {
    IRC_CHANNEL_MAX = 200,         /* bytes of a channel's name as it is spelled, with the # */
    IRC_NICK_MAX = 3 * ZR_NICK_MAX /* bytes of a nick as it is spelled */
};

/* NUL-terminated. */
typedef struct {
    char text[IRC_CHANNEL_MAX + 1];
} irc_name_t;

/* False: the room's spelling would be longer than IRC_CHANNEL_MAX, and IRC cannot use it. */
bool irc_channel_of(zr_span_t room, irc_name_t *out);
/* Spells a nick of the broker, which is always possible. An invalid nick becomes "*". */
void irc_nick_of(zr_span_t nick, irc_name_t *out);

/* The room that a channel names. False: it is no channel, or names no room; `fault`, if not NULL, gets a sentence. */
bool irc_room_of(zr_span_t channel, char out[ZR_ROOM_MAX + 1], const char **fault);
/* The nick that a spelling names; the same. */
bool irc_nick_from(zr_span_t spelled, char out[ZR_NICK_MAX + 1], const char **fault);

bool irc_is_channel(zr_span_t target); /* it begins with # */

#endif
