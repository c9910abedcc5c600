//! Sixteen-bit sequence numbers on a 48-bit line.

/// Tells whether `a` comes after `b` on the sixteen-bit circle.
pub fn sequence_is_newer(a: u16, b: u16) -> bool {
    a != b && a.wrapping_sub(b) < 0x8000
}

/// Returns the extended number nearest to `reference` that ends in `sequence_number`, or `None`
/// when it would lie before zero.
///
/// This is the index estimate of [RFC 3711 §3.3.1](https://www.rfc-editor.org/rfc/rfc3711#section-3.3.1).
pub fn extend_sequence(sequence_number: u16, reference: u64) -> Option<u64> {
    let delta = sequence_number.wrapping_sub(reference as u16) as i16;
    reference.checked_add_signed(i64::from(delta))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn order_wraps() {
        assert!(sequence_is_newer(1, 0) && sequence_is_newer(0, 0xffff));
        assert!(!sequence_is_newer(0, 1) && !sequence_is_newer(7, 7));
    }

    #[test]
    fn numbers_before_the_start_do_not_exist() {
        assert_eq!(extend_sequence(0xffff, 0), None);
        assert_eq!(extend_sequence(0xffff, 0x1_0000), Some(0xffff));
        assert_eq!(extend_sequence(0, 0xffff), Some(0x1_0000));
    }

    proptest! {
        #[test]
        fn any_step_within_half_the_circle_is_followed(
            reference in 0x1_0000u64..1 << 40, step in -0x8000i64..0x8000,
        ) {
            let target = reference.checked_add_signed(step).unwrap();
            prop_assert_eq!(extend_sequence(target as u16, reference), Some(target));
        }
    }
}
