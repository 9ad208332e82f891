/* Drives the real client machine in a simulated world: hands it what arrives at its two sockets, carries out its actions,
 * and takes its events. */
#ifndef DRIVER_H
#define DRIVER_H

#include "machine.h"
#include "network.h"

typedef struct {
    void (*event)(void *ctx, const zrelay_event_t *event);
    bool (*over)(void *ctx);                   /* after all events: has the program ended, and was driver_end called? */
    void (*sends)(void *ctx, zr_span_t frame); /* before it goes out; NULL: nothing is done */
    void (*arrived)(void *ctx, zr_span_t frame); /* by the front, before the machine has it; NULL: likewise */
} driver_calls_t;

typedef struct {
    const driver_calls_t *calls;
    void *ctx; /* theirs */
    network_t *network;
    machine_t *machine; /* NULL: the program has ended */
    bool several;       /* set before driver_init: it has several servers, and hears that one cannot be reached */
    socket_t front, back;
    char name[8];  /* in the trace */
    bool *changes; /* of the front's connection, not handed in yet; true: it stands */
    size_t change_count, change_size;
    bool back_lost; /* its SUB was closed without the machine's wish */
    bool frozen;
    bool pumping;   /* a pump is under way in the world's events */
    uint64_t due;   /* when the machine wants to be called; UINT64_MAX: never */
    uint64_t armed; /* the newest timer under way */
} driver_t;

/* `client` is what the network knows of its sockets (socket_t). The caller sets the machine, which is the driver's from
 * then on. */
void driver_init(driver_t *driver, network_t *network, const char *name, struct client *client);
void driver_end(driver_t *driver);    /* the program ends without a word; nothing calls it any more */
void driver_finish(driver_t *driver); /* gives back its memory */

/* Hands the machine what arrived, carries out its actions and takes its events, soon. */
void driver_wake(driver_t *driver);
void driver_freeze(driver_t *driver, bool frozen);
void driver_back_down(driver_t *driver); /* its SUB is closed, and the machine is told */

#endif
