//! Numbers: exact, or an error.

use super::*;
use proptest::prelude::*;

fn num(text: &str) -> Num {
    text.parse().unwrap()
}

#[test]
fn what_a_venue_sends_is_read_exactly() {
    for (text, shown) in [
        ("61837.63000000", "61837.63"),
        ("0.00001000", "0.00001"),
        ("-12.5", "-12.5"),
        ("0.0000000001", "0.0000000001"),
        ("12345678901234567890.12345678", "12345678901234567890.12345678"),
        ("-0.00", "0"),
    ] {
        assert_eq!(num(text).to_string(), shown);
    }
}

#[test]
fn what_no_venue_sends_is_refused() {
    for text in ["", ".", "-", "1e5", "+1", " 1", "1.2.3", "NaN", "inf", "0x1", "1,0", "--1"] {
        assert!(text.parse::<Num>().is_err(), "{text:?} passed");
    }
    assert_eq!("1".repeat(40).parse::<Num>(), Err(NumError::TooLong));
}

#[test]
fn a_zero_has_no_sign() {
    let zero = num("0.5").sub(num("0.5")).unwrap().neg();
    assert_eq!((format!("{zero:.2}"), zero.to_string()), ("0.00".into(), "0".into()));
    assert_eq!(format!("{:.2}", num("-0.5")), "-0.50");
}

#[test]
fn flooring_to_a_lot_never_exceeds_what_is_held() {
    assert_eq!(num("0.00999").floor_to(num("0.0001")).unwrap(), num("0.0099"));
    assert_eq!(num("5").floor_to(Num::ZERO).unwrap(), num("5"));
}

proptest! {
    /// A number that changes its value while it gets shorter is money lost.
    #[test]
    fn trimming_takes_zeros_and_nothing_else(mantissa in any::<i64>(), zeros in 0_u32..12, more in 0_u32..9) {
        let number = Num::new(mantissa, more).unwrap();
        let power = Num::new(10_i64.pow(zeros), zeros).unwrap();
        let Ok(long) = number.mul(power) else { return Ok(()) };
        prop_assert_eq!(long.trimmed(), long);
        prop_assert_eq!(long.trimmed().to_string(), long.to_string());
        let shortest = long.significant_scale().max(SCALE).min(long.scale());
        prop_assert_eq!(long.trimmed().scale(), shortest);
    }

    /// A number that changes on its way through a tape would break replay.
    #[test]
    fn both_encodings_give_the_same_number_back(mantissa in any::<i64>(), scale in 0_u32..=18) {
        let value = Num::new(mantissa, scale).unwrap();
        let bytes = postcard::to_stdvec(&value).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Num>(&bytes).unwrap(), value);
        let json = serde_json::to_string(&value).unwrap();
        prop_assert_eq!(serde_json::from_str::<Num>(&json).unwrap(), value);
    }

    /// The short arithmetic agrees with the library's own: a wrong sum is a wrong balance.
    #[test]
    fn arithmetic_agrees_with_rust_decimal(
        a in any::<i64>(), b in any::<i64>(), wide in any::<bool>(),
        scale_a in 0_u32..=20, scale_b in 0_u32..=20,
    ) {
        let widen = |value: i64| i128::from(value) * if wide { 1 << 30 } else { 1 };
        let left = Decimal::try_from_i128_with_scale(widen(a), scale_a).unwrap();
        let right = Decimal::try_from_i128_with_scale(widen(b), scale_b).unwrap();
        let (x, y) = (Num::of(left), Num::of(right));
        let exact = |result: Result<Num, NumError>| result.ok().map(Num::decimal);
        prop_assert_eq!(exact(x.add(y)), left.checked_add(right));
        prop_assert_eq!(exact(x.sub(y)), left.checked_sub(right));
        prop_assert_eq!(exact(x.mul(y)), left.checked_mul(right));
        prop_assert_eq!(exact(Ok(x.neg())), Some(-left));
        prop_assert_eq!(x.cmp(&y), left.cmp(&right));
        prop_assert_eq!(x.is_negative(), left.is_sign_negative() && !left.is_zero());
        prop_assert!(b == 0 || exact(x.rest_of(y)) == left.checked_rem(right));
    }

    /// Text of a venue that is no number is refused, not read as another number.
    #[test]
    fn only_digits_and_a_point_make_a_number(
        whole in "[0-9]{0,8}", fraction in "[0-9]{8}", at in 0_usize..8, byte in any::<u8>(),
    ) {
        let mut text = format!("{whole}.{fraction}").into_bytes();
        prop_assert_eq!(
            Num::parse(&text).unwrap().decimal(),
            Decimal::from_str_exact(&format!("0{whole}.{fraction}")).unwrap()
        );
        text[whole.len() + 1 + at] = byte;
        prop_assert_eq!(Num::parse(&text).is_ok(), byte.is_ascii_digit());
    }

    /// The fast parser agrees with the library's own.
    #[test]
    fn parsing_agrees_with_rust_decimal(text in "-?[0-9]{1,12}(\\.[0-9]{1,12})?") {
        let expected = Decimal::from_str_exact(&text).unwrap();
        prop_assert_eq!(num(&text).decimal(), expected);
    }
}

/// Lost if broken: the reason of a stop that was reached exactly, told as one that was not.
#[test]
fn equal_numbers_are_equal_floats_however_they_are_written() {
    let float = |text: &str| text.parse::<Num>().unwrap().to_f64();
    for (short, long) in [
        ("2679.99", "2679.9900000000000000000"),
        ("0.1", "0.1000000000000000000000000"),
        ("61595.76", "61595.760000000000000"),
    ] {
        assert_eq!(float(short).to_bits(), float(long).to_bits(), "{short} and {long}");
    }
    assert_eq!(float("2679.9900000000000000001").to_bits(), 2679.99_f64.to_bits());
    assert_eq!(
        float("123456789012345678.125").to_bits(),
        123_456_789_012_345_678.125_f64.to_bits()
    );
}
