import { z } from 'zod';
import { adviceRegistry } from './advice.ts';

function mode<Mode extends string>(name: Mode) {
  return z.literal(name).describe('none, dhcp or static');
}

const ipv4 = z.ipv4('must be an IPv4 address, such as 10.0.2.15');

export const network = z
  .discriminatedUnion('mode', [
    z.strictObject({ mode: mode('none') }).describe('No network: the stack is left out of the kernel'),
    z.strictObject({ mode: mode('dhcp') }).describe('Address, gateway and name servers by DHCP'),
    z
      .strictObject({
        mode: mode('static'),
        address: z
          .cidrv4('must be an IPv4 address with a prefix length, such as 10.0.2.15/24')
          .register(adviceRegistry, {
            advise: (value) =>
              typeof value === 'string' && /^\d+(\.\d+){3}$/.test(value)
                ? `Write ${value}/24, or another prefix length`
                : undefined,
          })
          .describe('IPv4 address with prefix length, such as 10.0.2.15/24'),
        gateway: ipv4.optional().describe('IPv4 address of the default gateway'),
        dns: z.array(ipv4).max(3).default([]).describe('IPv4 addresses of name servers'),
      })
      .describe('A fixed address'),
  ])
  .prefault({ mode: 'none' })
  .describe('The network of the image');

export type Network = z.output<typeof network>;
