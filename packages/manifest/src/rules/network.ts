import { rule } from './rule.ts';

/** Features that bring a network card: `virtio` and `hyperv` have one of their own. */
function isNetworkCard(feature: string): boolean {
  return feature === 'virtio' || feature === 'hyperv' || feature.startsWith('ethernet-');
}

/** A network needs a card whose driver is in the kernel. */
export const networkHasCard = rule(['network', 'kernel'], ({ network, kernel }) => {
  if (network.mode === 'none' || kernel.features.some(isNetworkCard)) return [];
  const message = `The network mode "${network.mode}" needs a network card, and no feature of the kernel has one`;
  return [
    {
      path: ['network', 'mode'],
      message,
      advice: 'Add "virtio" or a card such as "ethernet-ena" to "kernel.features"',
    },
  ];
});

/** The gateway must be reachable without a gateway. */
export const gatewayIsInSubnet = rule(['network'], ({ network }) => {
  if (network.mode !== 'static' || network.gateway === undefined) return [];
  const { address, mask } = subnet(network.address);
  const gateway = ipv4Number(network.gateway);
  const path = ['network', 'gateway'];
  if (gateway === address)
    return [{ path, message: `The gateway ${network.gateway} is the address of the image itself` }];
  if ((gateway & mask) === (address & mask)) return [];
  return [{ path, message: `The gateway ${network.gateway} is not in the subnet of ${network.address}` }];
});

/** Neither the subnet's own address nor its broadcast address can be a host's; RFC 3021 has no such for /31. */
export const addressIsHost = rule(['network'], ({ network }) => {
  if (network.mode !== 'static') return [];
  const { address, mask, length } = subnet(network.address);
  if (length >= 31) return [];
  const path = ['network', 'address'];
  if ((address & ~mask) === 0)
    return [{ path, message: `${network.address} is the address of the subnet, not of a host` }];
  if ((address | mask) === -1)
    return [{ path, message: `${network.address} is the broadcast address of its subnet` }];
  return [];
});

/** What comes over a network needs one. */
export const networkInputsHaveNetwork = rule(['inputs', 'network'], ({ inputs, network }) =>
  inputs.flatMap(({ name, kind }, index) => {
    if (network.mode !== 'none' || (kind !== 'network' && kind !== 'instance-metadata')) return [];
    const message = `The input "${name}" comes over the network, and the network mode is "none"`;
    return [{ path: ['inputs', index, 'kind'], message, advice: 'Write network: { mode: dhcp }' }];
  }),
);

function subnet(cidr: string): { address: number; mask: number; length: number } {
  const [address = '', length = '0'] = cidr.split('/');
  const bits = Number(length);
  return { address: ipv4Number(address), mask: bits === 0 ? 0 : -1 << (32 - bits), length: bits };
}

/** As a signed 32-bit number, which is what JavaScript's bit operators work on. */
function ipv4Number(address: string): number {
  return address.split('.').reduce((number, part) => (number << 8) | Number(part), 0);
}
