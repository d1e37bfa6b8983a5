//! `relay token`: minting and checking tokens by hand.

use relay_tokio::proto::auth::{self, Secret, TokenError};

use crate::cli::{Token, TokenMint, TokenVerify};
use crate::exit::Failure;
use crate::output::print_line;
use crate::{secret_file, text_file};

/// In bytes. No token is longer: no header could carry it.
const LONGEST: usize = 64 << 10;

pub(crate) fn perform(token: &Token) -> Result<(), Failure> {
    match token {
        Token::Mint(arguments) => mint(arguments),
        Token::Verify(arguments) => verify(arguments),
    }
}

fn mint(arguments: &TokenMint) -> Result<(), Failure> {
    if arguments.id.trim().is_empty() {
        return Err(Failure::usage("--id: it is empty"));
    }
    let secret = secret_file::read_secret("the secret file", &arguments.secret_file)?;
    let ttl = arguments.ttl.as_secs();
    let expires_at = (ttl > 0).then(|| unix_time().saturating_add(ttl));
    print_line(auth::mint_token(&arguments.id, &secret, expires_at))
}

fn verify(arguments: &TokenVerify) -> Result<(), Failure> {
    let secrets: Vec<Secret> = arguments
        .secret_files
        .iter()
        .map(|path| secret_file::read_secret("the secret file", path))
        .collect::<Result<_, _>>()?;
    let token = match arguments.token.as_str() {
        "-" => text_file::read_input(LONGEST)
            .map_err(|error| Failure::usage(format!("cannot read the token: {error}")))?,
        token => token.to_owned(),
    };
    match auth::verify_token(token.trim(), &secrets, unix_time()) {
        Ok(verified) => {
            let until = match verified.expires_at {
                Some(at) => format!("expires in {} s", at.saturating_sub(unix_time())),
                None => "never expires".to_owned(),
            };
            print_line(format_args!("good: gateway {}, {until}", verified.gateway_id))
        }
        Err(TokenError::Expired { gateway_id }) => Err(Failure::disabled(format!(
            "expired: the token of gateway {gateway_id} was good, but is too old"
        ))),
        Err(TokenError::BadSignature) => {
            Err(Failure::disabled("refused: the token was not signed with this secret"))
        }
        Err(TokenError::Malformed) => Err(Failure::usage("malformed: this is no token")),
    }
}

#[expect(clippy::disallowed_methods, reason = "a token is good for a time on the wall clock")]
fn unix_time() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
