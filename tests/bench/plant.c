/* Loaded into a program (LD_PRELOAD) it plants a system call beside each message that the program sends by libzmq. So
 * the guard can show that it finds one more. */
#include <dlfcn.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zmq.h>

__attribute__((visibility("default"))) int zmq_msg_send(zmq_msg_t *message, void *socket, int flags) {
    int (*call)(zmq_msg_t *, void *, int);
    *(void **)&call = dlsym(RTLD_NEXT, "zmq_msg_send");
    syscall(SYS_getppid);
    return call(message, socket, flags);
}
