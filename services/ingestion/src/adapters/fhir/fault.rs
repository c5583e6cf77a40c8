//! What is wrong with a request: where, why for machines, what to do for people.
//!
//! Words are ours and expressions are made of names that we look for, so no fault can repeat what stands in the request.
//! Deliberately not here: how faults are written (outcome).

use std::borrow::Cow;
use std::fmt;

/// How bad it is (<http://hl7.org/fhir/R4/valueset-issue-severity.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Nothing could be read.
    Fatal,
    /// It is not taken.
    Error,
    /// It is taken, and somebody should know.
    Warning,
    /// For the sender's knowledge.
    Information,
}

impl Severity {
    /// Its code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fatal => "fatal",
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Information => "information",
        }
    }
}

macro_rules! issue_types {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// Why (<http://hl7.org/fhir/R4/valueset-issue-type.html>).
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Issue {
            $($(#[$doc])* $name,)*
        }

        impl Issue {
            /// Its code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

issue_types! {
    /// It does not have the shape that it should.
    Structure = "structure",
    /// Something that must be there is missing.
    Required = "required",
    /// A value is none of its type.
    Value = "value",
    /// A code is none of its list.
    CodeInvalid = "code-invalid",
    /// A rule of FHIR for what stands together is broken.
    Invariant = "invariant",
    /// Something does not belong there.
    Invalid = "invalid",
    /// It stands twice.
    Duplicate = "duplicate",
    /// More than one fits.
    MultipleMatches = "multiple-matches",
    /// An extension that may turn the meaning round.
    Extension = "extension",
    /// It breaks a rule of this door.
    BusinessRule = "business-rule",
    /// It is not done here.
    NotSupported = "not-supported",
    /// It is not there.
    NotFound = "not-found",
    /// It could do harm.
    Security = "security",
    /// It is not allowed.
    Forbidden = "forbidden",
    /// Who asks is not known.
    Login = "login",
    /// It does not fit with what stands.
    Conflict = "conflict",
    /// It is too much.
    TooLong = "too-long",
    /// It is too often.
    Throttled = "throttled",
    /// Later it may work.
    Transient = "transient",
    /// Our fault.
    Exception = "exception",
    /// Nothing is wrong.
    Informational = "informational",
}

/// Which HTTP status a fault leads to (FHIR R4 section 3.1.0.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// 422: it can be read, and a rule forbids it.
    Rule,
    /// 400: it is no valid resource.
    Malformed,
    /// 403
    Forbidden,
    /// 413
    TooLarge,
}

impl Class {
    /// Its status.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Rule => 422,
            Self::Malformed => 400,
            Self::Forbidden => 403,
            Self::TooLarge => 413,
        }
    }
}

/// One thing that the sender has to mend, or should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// How bad.
    pub severity: Severity,
    /// Why.
    pub issue: Issue,
    /// The status that it leads to, if it is an error.
    pub class: Class,
    /// FHIRPath of the place; empty: nowhere in particular.
    pub expression: String,
    /// What to do, in words.
    pub words: Cow<'static, str>,
}

impl Fault {
    /// A fault that is nowhere in particular.
    #[must_use]
    pub fn new(severity: Severity, issue: Issue, class: Class, words: impl Into<Cow<'static, str>>) -> Self {
        Self { severity, issue, class, expression: String::new(), words: words.into() }
    }

    /// Whether the request is refused for it.
    #[must_use]
    pub fn refuses(&self) -> bool {
        matches!(self.severity, Severity::Fatal | Severity::Error)
    }
}

/// Whether anything is refused.
#[must_use]
pub fn refuses(faults: &[Fault]) -> bool {
    faults.iter().any(Fault::refuses)
}

/// The status that faults lead to: the gravest of them.
#[must_use]
pub fn status(faults: &[Fault]) -> u16 {
    faults.iter().filter(|fault| fault.refuses()).map(|fault| fault.class).max().map_or(200, Class::status)
}

/// What is not as it should be and was understood all the same, as a word for counting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Oddity(pub &'static str);

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_fault_gives_the_status_and_warnings_give_none() {
        let fault = |severity, class| Fault::new(severity, Issue::Value, class, "x");
        let warning = fault(Severity::Warning, Class::Forbidden);
        assert_eq!((status(&[]), status(std::slice::from_ref(&warning))), (200, 200));
        let rule = fault(Severity::Error, Class::Rule);
        assert_eq!(status(&[warning.clone(), rule.clone()]), 422);
        assert_eq!(status(&[rule.clone(), fault(Severity::Fatal, Class::Malformed), warning]), 400);
        assert_eq!(status(&[fault(Severity::Error, Class::Forbidden), rule]), 403);
    }
}
