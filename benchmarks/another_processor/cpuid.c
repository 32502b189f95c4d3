/* Answers the instruction `cpuid` as another processor would, for libraries in which run.py replaced it by `ud2`.
 *
 * Preloaded. Each `ud2` raises SIGILL, and the handler below sets the registers as `cpuid` does. CPUID_TABLE names a file
 * of lines "leaf subleaf eax ebx ecx edx", all hexadecimal. `*` is any subleaf, `-` the value of the real processor.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

struct row {
  uint32_t leaf, subleaf, value[4];
  int any_subleaf, real[4];
};
static struct row rows[64];
static int count;

static void answer(uint32_t leaf, uint32_t subleaf, uint32_t value[4]) {
  __cpuid_count(leaf, subleaf, value[0], value[1], value[2], value[3]);
  for (struct row *row = rows; row < rows + count; row++) {
    if (row->leaf != leaf || !(row->any_subleaf || row->subleaf == subleaf)) continue;
    for (int k = 0; k < 4; k++)
      if (!row->real[k]) value[k] = row->value[k];
    return;
  }
}

static void on_illegal_instruction(int number, siginfo_t *info, void *context) {
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  const uint8_t *at = (const uint8_t *)registers[REG_RIP];
  if (at[0] != 0x0f || at[1] != 0x0b) {
    signal(number, SIG_DFL); /* another instruction: it fails as it would without this file */
    return;
  }
  uint32_t value[4];
  answer((uint32_t)registers[REG_RAX], (uint32_t)registers[REG_RCX], value);
  registers[REG_RAX] = value[0];
  registers[REG_RBX] = value[1];
  registers[REG_RCX] = value[2];
  registers[REG_RDX] = value[3];
  registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void begin(void) {
  struct sigaction action = {.sa_sigaction = on_illegal_instruction, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGILL, &action, NULL);
  FILE *file = getenv("CPUID_TABLE") ? fopen(getenv("CPUID_TABLE"), "r") : NULL;
  char line[256], word[6][16];
  while (file && count < 64 && fgets(line, sizeof line, file)) {
    if (line[0] == '#') continue;
    if (sscanf(line, "%15s %15s %15s %15s %15s %15s", word[0], word[1], word[2], word[3], word[4], word[5]) != 6) continue;
    struct row *row = &rows[count++];
    row->leaf = strtoul(word[0], NULL, 16);
    row->any_subleaf = word[1][0] == '*';
    row->subleaf = strtoul(word[1], NULL, 16);
    for (int k = 0; k < 4; k++) {
      row->real[k] = word[2 + k][0] == '-';
      row->value[k] = strtoul(word[2 + k], NULL, 16);
    }
  }
  if (file) fclose(file);
}
