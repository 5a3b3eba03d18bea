/** RTA_METRICS: what a route says about the path (linux/rtnetlink.h RTAX_*). Times in milliseconds, units as `ip route` has them. */
import { attribute, attributeTable, type Values } from "../attribute.ts";
import { string, u32 } from "../codec.ts";

export const METRICS = attributeTable({
  /** Bits (1 << RTAX_*) of metrics that may not be changed by what the path shows. */
  lock: attribute("RTAX_LOCK", 1, u32),
  mtuBytes: attribute("RTAX_MTU", 2, u32),
  windowBytes: attribute("RTAX_WINDOW", 3, u32),
  /** Eighths of a millisecond. */
  roundTripTime: attribute("RTAX_RTT", 4, u32),
  /** Quarters of a millisecond. */
  roundTripVariance: attribute("RTAX_RTTVAR", 5, u32),
  slowStartThreshold: attribute("RTAX_SSTHRESH", 6, u32),
  congestionWindow: attribute("RTAX_CWND", 7, u32),
  advertisedSegmentBytes: attribute("RTAX_ADVMSS", 8, u32),
  reordering: attribute("RTAX_REORDERING", 9, u32),
  hopLimit: attribute("RTAX_HOPLIMIT", 10, u32),
  initialCongestionWindow: attribute("RTAX_INITCWND", 11, u32),
  features: attribute("RTAX_FEATURES", 12, u32),
  minimumRetransmitMilliseconds: attribute("RTAX_RTO_MIN", 13, u32),
  initialReceiveWindow: attribute("RTAX_INITRWND", 14, u32),
  quickAcknowledge: attribute("RTAX_QUICKACK", 15, u32),
  congestionControl: attribute("RTAX_CC_ALGO", 16, string),
  fastOpenNoCookie: attribute("RTAX_FASTOPEN_NO_COOKIE", 17, u32),
});

export type RouteMetrics = Values<typeof METRICS>;
