//! Decides whether a license expression is satisfied by a list of allowed licenses.
//!
//! The grammar is [SPDX annex D](https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/)
//! with the `/` that older manifests write for `OR`.

use thiserror::Error;

/// A license expression that cannot be read.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub(crate) enum ExpressionError {
    /// There is none.
    #[error("names no license")]
    Empty,
    /// It has a part that the grammar does not allow there.
    #[error("is no license expression")]
    Malformed,
}

/// Returns whether somebody who accepts the `allowed` licenses may use what carries `expression`.
pub(crate) fn is_satisfied(expression: &str, allowed: &[String]) -> Result<bool, ExpressionError> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let tokens: Vec<&str> = spaced.split_whitespace().collect();
    if tokens.is_empty() {
        return Err(ExpressionError::Empty);
    }
    let mut parser = Parser { tokens: &tokens, allowed };
    let satisfied = parser.any()?;
    match parser.tokens {
        [] => Ok(satisfied),
        _ => Err(ExpressionError::Malformed),
    }
}

/// Reads and decides in one pass; `AND` binds tighter than `OR`.
#[derive(Debug)]
struct Parser<'a> {
    tokens: &'a [&'a str],
    allowed: &'a [String],
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<bool, ExpressionError> {
        let mut satisfied = self.all()?;
        while self.take("OR") {
            satisfied |= self.all()?;
        }
        Ok(satisfied)
    }

    fn all(&mut self) -> Result<bool, ExpressionError> {
        let mut satisfied = self.one()?;
        while self.take("AND") {
            satisfied &= self.one()?;
        }
        Ok(satisfied)
    }

    fn one(&mut self) -> Result<bool, ExpressionError> {
        let token = self.next()?;
        if token == "(" {
            let satisfied = self.any()?;
            return if self.take(")") { Ok(satisfied) } else { Err(ExpressionError::Malformed) };
        }
        if ["AND", "OR", "WITH", ")"].contains(&token) {
            return Err(ExpressionError::Malformed);
        }
        let name = if self.take("WITH") {
            format!("{token} WITH {}", self.next()?)
        } else {
            token.to_owned()
        };
        Ok(self.allowed.contains(&name))
    }

    fn next(&mut self) -> Result<&'a str, ExpressionError> {
        let (first, rest) = self.tokens.split_first().ok_or(ExpressionError::Malformed)?;
        self.tokens = rest;
        Ok(first)
    }

    fn take(&mut self, word: &str) -> bool {
        match self.tokens.split_first() {
            Some((first, rest)) if *first == word => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expression: &str, expected: Result<bool, ExpressionError>) {
        let allowed = ["MIT", "Apache-2.0", "ISC", "Apache-2.0 WITH LLVM-exception"];
        let allowed: Vec<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(is_satisfied(expression, &allowed), expected, "{expression}");
    }

    #[test]
    fn one_of_several_licenses_is_enough() {
        check("MIT", Ok(true));
        check("GPL-3.0-only OR MIT", Ok(true));
        check("LGPL-2.1-or-later/MIT", Ok(true));
        check("GPL-3.0-only OR AGPL-3.0-only", Ok(false));
    }

    #[test]
    fn all_joined_licenses_are_needed() {
        check("MIT AND ISC", Ok(true));
        check("MIT AND GPL-3.0-only", Ok(false));
        check("GPL-3.0-only AND ISC OR MIT", Ok(true));
        check("GPL-3.0-only AND (ISC OR MIT)", Ok(false));
        check("ISC AND (GPL-3.0-only OR MIT)", Ok(true));
    }

    #[test]
    fn an_exception_makes_another_license() {
        check("Apache-2.0 WITH LLVM-exception", Ok(true));
        check("MIT WITH LLVM-exception", Ok(false));
    }

    #[test]
    fn what_is_no_expression_is_an_error() {
        check("", Err(ExpressionError::Empty));
        for malformed in ["OR", "MIT OR", "(MIT", "MIT)", "MIT ISC", "MIT WITH", "()"] {
            check(malformed, Err(ExpressionError::Malformed));
        }
    }
}
