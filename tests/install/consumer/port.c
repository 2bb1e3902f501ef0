/* A program that has nothing but an installed weir-port: posts a packet to a port and gets it back. C11 and C++17. */
#include <stdio.h>
#include <string.h>
#include <weir/port.h>
#include <weir/stream.h>

int main(void)
{
    struct weir_port_config config;
    struct weir_completion completion;
    struct weir_port *port;

    memset(&config, 0, sizeof config);
    if (weir_port_create(&port, &config) != 0) {
        printf("weir_port_create: %s\n", weir_error_message());
        return 1;
    }
    if (weir_port_post(port, NULL, 7, 42) != 0 || weir_port_wait(port, &completion, 1, -1) != 1)
        return 2;
    if (completion.status != WEIR_POSTED || completion.key != 42 || completion.bytes != 7 || completion.op)
        return 3;
    if (weir_port_close(port) != 0)
        return 4;
    printf("weir-port: one packet posted, one received\n");
    return 0;
}
