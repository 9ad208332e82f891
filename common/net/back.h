/* Where a broker may send a client for reading: the rules for `welcome.back`. A broker is not trusted, so that it
 * cannot make a program speak to services that only the program reaches. Pure. */
#ifndef BACK_H
#define BACK_H

/* NULL: a client whose front is at `server` may connect to `back`. Else why not, a static sentence.
 *
 * The front decides how far away the back may be:
 *   ipc             ipc in the same directory (an abstract name for an abstract name), or a loopback address
 *   tcp, loopback   a loopback address: traffic of this machine stays on it
 *   tcp, elsewhere  any address that is not loopback, or the front's own host
 * Another host than the front's is allowed: brokers advertise one behind NAT and in containers. They also tell their
 * address to clients that use a name. With encryption that host must prove the same server key. In the clear nothing
 * proves anything: a hostile broker then learns whether some host accepts connections, and that host gets ten bytes.
 * Never allowed are inproc, a wildcard and a source address (';'). The host must be a name, or an address in its usual
 * form. A name may still resolve to a loopback address. */
const char *back_refusal(const char *server, const char *back);

#endif
