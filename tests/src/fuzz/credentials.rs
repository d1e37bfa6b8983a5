//! Tokens and signatures: what was signed is verified, and nothing else is.

use relay_proto::auth::{
    DELIVERY_WINDOW, DeliveryError, Secret, TokenError, Verified, mint_token, peek_gateway_id, sign_delivery,
    verify_delivery, verify_token,
};

use super::input::Input;

/// C1, C17: see the parts.
pub fn credentials(data: &[u8]) {
    let mut input = Input::new(data);
    // To HMAC, a key is the same with zeros behind it: a secret of nothing but zeros would sign as an empty one does.
    let secrets = [0; 2].map(|_: u8| Secret::new(input.text(16).replace('\0', "0")));
    let now = input.number();
    // Mostly near now, where the answers change.
    let at =
        if input.flag() { input.number() } else { now.wrapping_add(input.number() % 1200).wrapping_sub(600) };
    tokens(&mut input.clone(), &secrets, now, at);
    signatures(&mut input.clone(), &secrets, now, at);
    let text = String::from_utf8_lossy(input.rest());
    any_text(&text, &secrets, now);
}

/// A token is verified under any secret of the list but an empty one, until it expires, and no token with anything
/// changed in it is.
fn tokens(input: &mut Input<'_>, secrets: &[Secret; 2], now: u64, at: u64) {
    let expires_at = (!input.flag()).then_some(at);
    let signer = &secrets[input.index() % 2];
    let (place, byte) = (input.index(), input.byte());
    let gateway_id = input.text(40);
    let token = mint_token(&gateway_id, signer, expires_at);
    assert_eq!(peek_gateway_id(&token).as_deref(), Some(&*gateway_id));
    let gateway_id = gateway_id.into_owned();
    let expected = if signer.is_empty() {
        Err(TokenError::BadSignature)
    } else {
        match expires_at.map(|at| at.max(1)) {
            Some(at) if now > at => Err(TokenError::Expired { gateway_id }),
            expires_at => Ok(Verified { gateway_id, expires_at }),
        }
    };
    assert_eq!(verify_token(&token, secrets, now), expected);
    let mut forged = token.clone().into_bytes();
    let place = place % forged.len();
    forged[place] = byte & 0x7f;
    let forged = String::from_utf8(forged).expect("ASCII");
    if forged != token {
        let refused = verify_token(&forged, secrets, now);
        assert!(matches!(refused, Err(TokenError::Malformed | TokenError::BadSignature)), "C1: {refused:?}");
    }
    assert!(verify_token(&token[..place], secrets, now).is_err());
}

/// A delivery is verified to the byte and inside its window.
fn signatures(input: &mut Input<'_>, secrets: &[Secret; 2], now: u64, at: u64) {
    let signer = &secrets[input.index() % 2];
    let (place, bits) = (input.index(), input.byte());
    let body = input.bytes(64);
    let signature = sign_delivery(at, body, signer);
    let expected = if signer.is_empty() {
        Err(DeliveryError::BadSignature)
    } else if now.abs_diff(at) > DELIVERY_WINDOW {
        Err(DeliveryError::OutsideWindow)
    } else {
        Ok(())
    };
    assert_eq!(verify_delivery(&at.to_string(), &signature, body, secrets, now), expected);
    let mut changed = body.to_vec();
    if let Some(byte) = changed.get_mut(place.checked_rem(body.len()).unwrap_or(0)) {
        *byte ^= bits.max(1);
        let refused = verify_delivery(&at.to_string(), &signature, &changed, secrets, now);
        assert_eq!(refused, Err(DeliveryError::BadSignature));
    }
    let other = at.wrapping_add(1).to_string();
    assert_eq!(verify_delivery(&other, &signature, body, secrets, now), Err(DeliveryError::BadSignature));
}

/// A text that is taken for a token is the only spelling of it; a text that is none is refused, and never panics.
fn any_text(text: &str, secrets: &[Secret; 2], now: u64) {
    _ = peek_gateway_id(text);
    match verify_token(text, secrets, now) {
        Ok(Verified { gateway_id, expires_at }) => {
            let mut minted = secrets.iter().map(|secret| mint_token(&gateway_id, secret, expires_at));
            assert!(minted.any(|minted| minted == text), "{text:?} is another spelling");
        }
        Err(TokenError::Expired { gateway_id }) => assert_eq!(peek_gateway_id(text), Some(gateway_id)),
        Err(TokenError::Malformed) => assert_eq!(peek_gateway_id(text), None),
        Err(TokenError::BadSignature) => assert!(peek_gateway_id(text).is_some()),
    }
    let (timestamp, signature) = text.split_once('\n').unwrap_or((text, ""));
    let verified = verify_delivery(timestamp, signature, text.as_bytes(), secrets, now);
    assert!(matches!(verified, Err(DeliveryError::Malformed | DeliveryError::BadSignature)), "{text:?}");
}
