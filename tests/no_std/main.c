/* Runs the machines of both ends in a C program, and prints what came of it. */

#include <stdint.h>
#include <stdio.h>

uint32_t relay_run(void);

int main(void) {
    uint32_t step = relay_run();
    if (step != 0) {
        printf("step %u did not come out as expected\n", step);
        return 1;
    }
    puts("a delivery came and was acked, the wire was cut, and the next one came once");
    return 0;
}
