//! Who asks, may they, and is it written down?
//!
//! Identities and their signed tokens, the matrix of roles and actions, sealing of health information, signed links, the sign-in of
//! staff, and the audit chain. Everything here fails closed: a key that is missing, a token that is odd, an action that no row allows.
//!
//! Deliberately not here: how a token travels (serve), sessions (portal), and what is done once it is allowed (the services).

pub mod actor;
pub mod audit;
pub mod fingerprint;
pub mod keyring;
mod keys;
pub mod links;
pub mod login;
pub mod oidc;
pub mod phi;
pub mod policy;
pub mod seal;
pub mod token;
pub mod work;

pub use actor::{Actor, ActorKind, Role};
pub use fingerprint::fingerprint;
pub use keys::KeyError;
pub use links::{Link, LinkError, SignedLinks};
pub use login::DevelopmentLogin;
pub use phi::Phi;
pub use policy::{Action, Refused};
pub use seal::{SealError, Sealer};
pub use token::{Caller, Identity, TokenError, Verifier};
pub use work::{Proof, ProofError};
