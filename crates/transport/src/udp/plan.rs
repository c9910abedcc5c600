//! Puts the packets of one flush into sending order and finds the runs that can be segmented.

/// The sending order of one flush: packets of one leg side by side, legs by first appearance.
///
/// Packets of different legs may change places, packets of one leg never do.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Leg place and length of each packet of the slab.
    packets: Vec<(u32, u32)>,
    order: Vec<u32>,
    messages: Vec<Message>,
    /// Per leg place: the last entry of the leg in this flush, and the round it was written in.
    tails: Vec<(u32, u32)>,
    next: Vec<u32>,
    heads: Vec<u32>,
    round: u32,
}

/// A run of [`Plan::order`] that goes out as one message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Message {
    /// The first place in the order.
    pub(crate) start: usize,
    /// How many packets, more than one only with segmentation.
    pub(crate) count: usize,
    /// The leg place of all of them.
    pub(crate) leg: usize,
    /// The length of each but the last.
    pub(crate) segment_bytes: usize,
}

impl Plan {
    /// Plans all packets of a slab, given as leg place and length.
    pub(crate) fn make(
        &mut self,
        packets: impl Iterator<Item = (usize, usize)>,
        can_segment: bool,
    ) {
        self.packets.clear();
        self.packets.extend(packets.map(|(leg, len)| (leg as u32, len as u32)));
        self.messages.clear();
        self.order.clear();
        if self.group() {
            for head in &self.heads {
                let mut entry = *head;
                while entry != END {
                    self.order.push(entry);
                    entry = self.next[entry as usize];
                }
            }
        } else {
            self.order.extend(0..self.packets.len() as u32);
        }
        self.cut(can_segment);
    }

    /// Returns the entries in sending order.
    pub(crate) fn order(&self) -> &[u32] {
        &self.order
    }

    /// Returns the messages in sending order.
    pub(crate) fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Links the entries of each leg; returns whether any leg has more than one.
    fn group(&mut self) -> bool {
        self.round = self.round.wrapping_add(1);
        self.heads.clear();
        self.next.clear();
        let mut is_grouped = false;
        for (number, (leg, _len)) in self.packets.iter().enumerate() {
            let (number, leg) = (number as u32, *leg as usize);
            if self.tails.len() <= leg {
                self.tails.resize(leg + 1, (END, 0));
            }
            self.next.push(END);
            let (tail, round) = &mut self.tails[leg];
            if *round == self.round && *tail != END {
                self.next[*tail as usize] = number;
                is_grouped = true;
            } else {
                self.heads.push(number);
            }
            *tail = number;
            *round = self.round;
        }
        is_grouped
    }

    /// Cuts the order into messages. All packets of a message go to one leg and have one length,
    /// except that the last may be shorter, as the kernel asks of segmentation.
    fn cut(&mut self, can_segment: bool) {
        let mut start = 0;
        while let Some(first) = self.order.get(start) {
            let (leg, first_bytes) = self.packets[*first as usize];
            let (mut count, mut bytes) = (1, first_bytes);
            while can_segment && count < MAX_SEGMENTS {
                let Some(next) = self.order.get(start + count) else { break };
                let (next_leg, next_bytes) = self.packets[*next as usize];
                bytes += next_bytes;
                if next_leg != leg || next_bytes > first_bytes || bytes > MAX_MESSAGE_BYTES {
                    break;
                }
                count += 1;
                if next_bytes < first_bytes {
                    break;
                }
            }
            let (leg, segment_bytes) = (leg as usize, first_bytes as usize);
            self.messages.push(Message { start, count, leg, segment_bytes });
            start += count;
        }
    }
}

const END: u32 = u32::MAX;

/// The kernel's limit is 64 (`UDP_MAX_SEGMENTS`) on all versions that have segmentation.
const MAX_SEGMENTS: usize = 64;

/// The largest UDP payload over IPv4.
const MAX_MESSAGE_BYTES: u32 = 65_507;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(packets: &[(usize, usize)], can_segment: bool) -> Plan {
        let mut plan = Plan::default();
        plan.make(packets.iter().copied(), can_segment);
        plan
    }

    fn runs(plan: &Plan) -> Vec<(usize, usize)> {
        plan.messages().iter().map(|message| (message.leg, message.count)).collect()
    }

    #[test]
    fn one_packet_for_each_leg_keeps_the_order() {
        let plan = plan(&[(3, 100), (1, 100), (2, 100)], true);
        assert_eq!(plan.order(), [0, 1, 2]);
        assert_eq!(runs(&plan), [(3, 1), (1, 1), (2, 1)]);
    }

    #[test]
    fn packets_of_a_leg_come_together_and_equal_lengths_make_a_run() {
        let packets = [(0, 1_200), (1, 1_200), (0, 1_200), (1, 1_200), (0, 700), (1, 1_201)];
        let plan = plan(&packets, true);
        assert_eq!(plan.order(), [0, 2, 4, 1, 3, 5]);
        assert_eq!(runs(&plan), [(0, 3), (1, 2), (1, 1)]);
    }

    #[test]
    fn without_segmentation_each_packet_is_a_message() {
        let plan = plan(&[(0, 10), (0, 10), (0, 10)], false);
        assert_eq!(runs(&plan), [(0, 1); 3]);
    }

    #[test]
    fn rounds_do_not_leak_into_each_other() {
        let mut plan = Plan::default();
        plan.make([(0, 1), (1, 1)].into_iter(), true);
        plan.make([(1, 1), (0, 1)].into_iter(), true);
        assert_eq!(plan.order(), [0, 1]);
        assert_eq!(runs(&plan), [(1, 1), (0, 1)]);
    }

    proptest! {
        #[test]
        fn every_packet_is_planned_once_and_legs_keep_their_order(
            packets in proptest::collection::vec((0..6_usize, 1..4_usize), 0..300),
            can_segment: bool,
        ) {
            let plan = plan(&packets, can_segment);
            let mut seen = plan.order().to_vec();
            for leg in 0..6 {
                let of_leg = plan.order().iter().filter(|at| packets[**at as usize].0 == leg);
                prop_assert!(of_leg.is_sorted());
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..packets.len() as u32).collect::<Vec<_>>());
            let mut next = 0;
            for message in plan.messages() {
                prop_assert_eq!(message.start, next);
                next += message.count;
                for place in message.start..next {
                    let (leg, len) = packets[plan.order()[place] as usize];
                    prop_assert_eq!(leg, message.leg);
                    let is_last = place + 1 == next;
                    let fits = len == message.segment_bytes;
                    prop_assert!(fits || (is_last && len < message.segment_bytes));
                }
            }
            prop_assert_eq!(next, packets.len());
        }
    }
}
